// --metrics, --metrics-file and --report: the state of a run, for browsers, probes and Prometheus, and for readers once it is over.

import { RespError } from '../../resp/errors.ts';
import type { Tap } from '../../resp/tap.ts';
import { demandWholeWritable, writeWhole } from '../file/whole-file.ts';
import { MetricsFile } from '../report/metrics-file.ts';
import { pageOf } from '../report/page.ts';
import { RunRecord } from '../report/run-record.ts';
import type { RunState } from '../report/run-state.ts';
import { StatusPages } from '../report/status-pages.ts';
import { StatusServer } from '../report/status-server.ts';
import type { TapMaker } from '../server/server.ts';
import type { Program } from './command.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { givenOptions } from './flags/arguments.ts';
import type { OptionValues } from './flags/options.ts';
import { versionNumber } from './help.ts';
import type { RunListener } from './run-listener.ts';
import { isComplete, type Outcome, type RunEvent, type TextStream } from './show/output.ts';
import { describeFaults } from './show/report.ts';
import { made, madeLater, tellNotKept } from './tracing.ts';

/** As the copy and the check have it. */
const DEFAULT_TIMEOUT_MS = 60_000;

export class ShownRun implements RunListener {
  readonly observes = true;
  readonly #record: RunRecord;
  readonly #timeout: number;
  readonly #stderr: TextStream;
  /** The path of the report. */
  readonly #report: string | undefined;
  #file: MetricsFile | undefined;
  #server: StatusServer | undefined;
  #heardAt = -Infinity;

  /** @throws UsageError where nobody could listen there, or the file cannot be written */
  static async open(values: OptionValues, command: 'copy' | 'check', { stderr }: Program): Promise<ShownRun> {
    const { metrics, 'metrics-file': path, silent = false } = values;
    const run = new ShownRun(values, command, stderr);
    const state = (): RunState => run.#record.state;
    const { answer, isUrgent } = new StatusPages(state, () => ({
      ...run.#record.signs,
      now: performance.now(),
      heardAt: run.#heardAt,
      timeout: run.#timeout,
    }));
    const onError = ({ message }: RespError): void =>
      void stderr.write(`rump: warning: the figures are not kept for now: ${message}\n`);
    const { report } = values;
    if (report !== undefined) made('report', () => demandWholeWritable(report));
    if (metrics !== undefined)
      run.#server = await madeLater('metrics', () => StatusServer.open({ ...metrics, answer, isUrgent }));
    try {
      if (path !== undefined) run.#file = made('metrics-file', () => new MetricsFile(path, state, onError));
    } catch (error) {
      run.close();
      throw error;
    }
    if (run.#server !== undefined && !silent) stderr.write(`rump: the run can be seen at ${run.#server.url}\n`);
    return run;
  }

  private constructor(values: OptionValues, command: 'copy' | 'check', stderr: TextStream) {
    this.#record = new RunRecord({ version: versionNumber(), command, options: givenOptions(values) });
    this.#timeout = values.timeout ?? DEFAULT_TIMEOUT_MS;
    this.#report = values.report;
    this.#stderr = stderr;
  }

  /** None where nobody could ask whether the run is well. */
  get tap(): TapMaker | undefined {
    if (this.#server === undefined) return undefined;
    const tap: Tap = { onSent() {}, onReceived: () => void (this.#heardAt = performance.now()), onClosed() {} };
    return () => tap;
  }

  get warning(): string | undefined {
    if (this.#server === undefined || this.#server.isLocal) return undefined;
    return `whoever can reach ${this.#server.url} can read how far the run is, and the names of keys`;
  }

  onEvent(event: RunEvent): void {
    this.#record.onEvent(event);
  }

  finish(outcome: Outcome, exitCode: ExitCode): void {
    this.#record.finish({ exitCode, isComplete: isComplete(outcome), ...toldOf(outcome, this.#record.state) });
    const [report, file] = [exitCode === EXIT_CODES.usage ? undefined : this.#report, this.#file];
    if (report !== undefined)
      this.#keep('the report', () => writeWhole(report, Buffer.from(pageOf(this.#record.state))));
    if (file !== undefined) this.#keep('the last figures', () => file.finish());
  }

  close(): void {
    this.#file?.close();
    this.#server?.close();
  }

  #keep(what: string, write: () => void): void {
    try {
      write();
    } catch (error) {
      tellNotKept(what, error as Error, this.#stderr);
    }
  }
}

function toldOf(outcome: Outcome, { dryRun }: RunState): Pick<NonNullable<RunState['outcome']>, 'text' | 'hint'> {
  if (isComplete(outcome) && dryRun !== undefined) return { text: 'nothing was written, as --dry-run asks' };
  if (isComplete(outcome)) return { text: 'result' in outcome ? 'everything was copied' : 'both sides are equal' };
  if (!('error' in outcome)) return { text: describeFaults(outcome).join('; ') };
  const { error } = outcome;
  if (error instanceof RespError) return { text: error.message, hint: error.hint };
  return { text: `internal error: ${error instanceof Error ? error.message : String(error)}` };
}
