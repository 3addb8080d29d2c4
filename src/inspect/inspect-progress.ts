// How far an inspection is, and what happens to the endpoint meanwhile.

import type { SourceSink } from '../source/source.ts';
import { RunProgress } from '../sync/run-progress.ts';

export class InspectProgress extends RunProgress implements SourceSink {
  /** Keys that could not be read. */
  override get failed(): number {
    return super.failed;
  }

  onGone(): void {
    this.onExpired();
  }

  protected override tell(): void {}
}
