// The bytes of all connections of a run, as they were sent and read but for the secrets: a folder with two files for each.

import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { redactAddress } from '../../resp/address.ts';
import { nameOf, RespError, type Peer } from '../../resp/errors.ts';
import type { Secrets } from '../../resp/secrets.ts';
import type { Tap } from '../../resp/tap.ts';
import { writeError } from '../file/regular-file.ts';
import type { ConnectionUse } from '../server/server.ts';
import { ConnectionNames } from './connection-names.ts';
import { GrowingFile } from './growing-file.ts';
import { MaskedBytes } from './masked-bytes.ts';

/** A line of the list of connections. */
export interface RecordedConnection {
  /** `source 0` */
  readonly connection: string;
  readonly peer: string;
  /** When it was made: ISO 8601. */
  readonly time: string;
}

/** Has a `RecordedConnection` a line. */
export const CONNECTIONS = 'connections.ndjson';

/** Of `source 0`, the bytes of one direction. */
export function fileNameOf(connection: string, direction: 'sent' | 'received'): string {
  return `${connection.replaceAll(' ', '-')}.${direction}`;
}

export class Recording {
  readonly #folder: string;
  readonly #onError: (error: RespError) => void;
  readonly #list: GrowingFile;
  readonly #names = new ConnectionNames();
  readonly #open = new Set<ConnectionRecording>();
  #isBroken = false;

  /**
   * @param onError called once, where it cannot be written any more: the run goes on without it
   * @throws RespError where the folder cannot be made, or has something in it
   */
  constructor(folder: string, onError: (error: RespError) => void) {
    this.#folder = folder;
    this.#onError = onError;
    makeEmpty(folder);
    this.#list = this.#file(CONNECTIONS);
  }

  /** For each connection, before it is made. */
  readonly tap = (use: ConnectionUse, peer: Peer, secrets: Secrets): Tap => {
    const connection = this.#names.next(use);
    const line: RecordedConnection = { connection, peer: nameOf(peer), time: new Date().toISOString() };
    this.#list.write(Buffer.from(`${JSON.stringify(line)}\n`));
    try {
      const files = (['sent', 'received'] as const).map((direction) => this.#file(fileNameOf(connection, direction)));
      const recording = new ConnectionRecording(files, secrets, () => this.#open.delete(recording));
      this.#open.add(recording);
      return recording;
    } catch (error) {
      this.#fail(error as RespError);
      return DEAF;
    }
  };

  /** Once, and the last: connections may still be closing. */
  close(): void {
    for (const each of this.#open) each.close();
    this.#list.close();
  }

  #file(name: string): GrowingFile {
    return new GrowingFile(join(this.#folder, name), (error) => this.#fail(error));
  }

  #fail(error: RespError): void {
    if (!this.#isBroken) this.#onError(error);
    this.#isBroken = true;
  }
}

const DEAF: Tap = { onSent() {}, onReceived() {}, onClosed() {} };

class ConnectionRecording implements Tap {
  readonly #files: readonly GrowingFile[];
  readonly #sent: MaskedBytes;
  readonly #received: MaskedBytes;
  readonly #onOver: () => void;
  #isOver = false;

  constructor(files: readonly GrowingFile[], secrets: Secrets, onOver: () => void) {
    this.#files = files;
    this.#onOver = onOver;
    [this.#sent, this.#received] = files.map((file) => new MaskedBytes(secrets, (bytes) => file.write(bytes))) as [
      MaskedBytes,
      MaskedBytes,
    ];
  }

  onSent(bytes: Buffer): void {
    if (!this.#isOver) this.#sent.push(bytes);
  }

  onReceived(bytes: Buffer): void {
    if (!this.#isOver) this.#received.push(bytes);
  }

  onClosed(): void {
    this.close();
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const direction of [this.#sent, this.#received]) direction.end();
    for (const file of this.#files) file.close();
    this.#onOver();
  }
}

function makeEmpty(folder: string): void {
  const shown = redactAddress(folder);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw writeError(shown, error);
    if (entriesOf(folder).length > 0)
      throw new RespError('EEXIST', `Cannot record into ${shown}: there is something in it`, {
        hint: 'name a new folder',
      });
  }
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw writeError(redactAddress(folder), error);
  }
}
