// What the bench found out about one dataset: a line of its JSON file, and what the table is made from.
import type { DatasetName } from './dataset.ts';
import type { BuildRatios, CopyFigures, FloorFigures, FloorRatios } from './figures.ts';
import type { FloorName } from './floors.ts';
import type { Machine } from './machine.ts';

export interface Result extends Machine {
  /** ISO 8601. */
  readonly date: string;
  readonly dataset: DatasetName;
  readonly keys: number;
  /** Of keys and DUMP payloads. */
  readonly bytes: number;
  readonly scale: number;
  readonly runs: number;
  readonly server: string;
  readonly rump: CopyFigures;
  /** The other build that took turns with it, if there was one. */
  readonly against?: CopyFigures & { readonly ratios: BuildRatios };
  readonly floors: Readonly<Partial<Record<FloorName, FloorFigures & FloorRatios>>>;
}
