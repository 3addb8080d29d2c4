// --metrics and --metrics-file: the state of a run, for browsers, probes and Prometheus.

import type { RespError } from '../../resp/errors.ts';
import type { Tap } from '../../resp/tap.ts';
import { MetricsFile } from '../report/metrics-file.ts';
import { RunRecord } from '../report/run-record.ts';
import type { RunState } from '../report/run-state.ts';
import { StatusPages } from '../report/status-pages.ts';
import { StatusServer } from '../report/status-server.ts';
import type { TapMaker } from '../server/server.ts';
import type { Program } from './command.ts';
import type { ExitCode } from './exit-codes.ts';
import type { OptionValues } from './flags/options.ts';
import { versionNumber } from './help.ts';
import type { RunListener } from './run-listener.ts';
import { isComplete, type Outcome, type RunEvent } from './show/output.ts';
import { describeFaults } from './show/report.ts';
import { made, madeLater } from './tracing.ts';

/** As the copy and the check have it. */
const DEFAULT_TIMEOUT_MS = 60_000;

export class ShownRun implements RunListener {
  readonly observes = true;
  readonly #record: RunRecord;
  readonly #timeout: number;
  #file: MetricsFile | undefined;
  #server: StatusServer | undefined;
  #heardAt = 0;

  /** @throws UsageError where nobody could listen there, or the file cannot be written */
  static async open(values: OptionValues, command: 'copy' | 'check', { stderr }: Program): Promise<ShownRun> {
    const { metrics, 'metrics-file': path, silent = false } = values;
    const run = new ShownRun(values, command);
    const state = (): RunState => run.#record.state;
    const { answer } = new StatusPages(state, () => ({
      now: Date.now(),
      heardAt: run.#heardAt,
      timeout: run.#timeout,
    }));
    const onError = ({ message }: RespError): void =>
      void stderr.write(`rump: warning: the figures are not kept for now: ${message}\n`);
    if (metrics !== undefined)
      run.#server = await madeLater('metrics', () => StatusServer.open({ ...metrics, answer }));
    try {
      if (path !== undefined) run.#file = made('metrics-file', () => new MetricsFile(path, state, onError));
    } catch (error) {
      run.close();
      throw error;
    }
    if (run.#server !== undefined && !silent) stderr.write(`rump: the run can be seen at ${run.#server.url}\n`);
    return run;
  }

  private constructor({ timeout = DEFAULT_TIMEOUT_MS }: OptionValues, command: 'copy' | 'check') {
    this.#record = new RunRecord({ version: versionNumber(), command });
    this.#timeout = timeout;
  }

  /** None where nobody could ask whether the run is well. */
  get tap(): TapMaker | undefined {
    if (this.#server === undefined) return undefined;
    const tap: Tap = { onSent() {}, onReceived: () => void (this.#heardAt = Date.now()), onClosed() {} };
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
    this.#record.finish({ exitCode, isComplete: isComplete(outcome), text: textOf(outcome) });
  }

  close(): void {
    this.#file?.close();
    this.#server?.close();
  }
}

function textOf(outcome: Outcome): string {
  if ('error' in outcome) return outcome.error instanceof Error ? outcome.error.message : String(outcome.error);
  if (isComplete(outcome)) return 'result' in outcome ? 'everything was copied' : 'both sides are equal';
  return describeFaults(outcome).join('; ');
}
