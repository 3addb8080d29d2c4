// The bytes of all connections of a run, as they were sent and read but for the secrets: a folder with two files for each.

import { mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { redactAddress } from '../../resp/address.ts';
import { nameOf, RespError, type Peer } from '../../resp/errors.ts';
import { escapeJson } from '../../resp/escapes.ts';
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

const FILE = /^((?:source|target)(?:-feed|-sentinel)?-\d+)\.(?:sent|received)$/;

/** Of `source 0`, the bytes of one direction. */
export function fileNameOf(connection: string, direction: 'sent' | 'received'): string {
  return `${connection.replaceAll(' ', '-')}.${direction}`;
}

/** The connection whose bytes a file of that name has. */
export function connectionOf(fileName: string): string | undefined {
  return FILE.exec(fileName)?.[1]?.replaceAll('-', ' ');
}

export class Recording {
  readonly #folder: string;
  readonly #onError: (error: RespError) => void;
  readonly #list: GrowingFile;
  readonly #names = new ConnectionNames();
  readonly #open = new Set<ConnectionRecording>();
  readonly #isOwnFolder: boolean;
  #isBroken = false;

  /**
   * @param onError called once, where it cannot be written any more: the run goes on without it
   * @throws RespError where the folder cannot be made, or has something in it
   */
  constructor(folder: string, onError: (error: RespError) => void) {
    this.#folder = folder;
    this.#onError = onError;
    this.#isOwnFolder = makeEmpty(folder);
    this.#list = this.#file(CONNECTIONS);
  }

  /** For each connection, before it is made. */
  readonly tap = (use: ConnectionUse, peer: Peer, secrets: Secrets): Tap => {
    if (this.#isBroken) return DEAF;
    const connection = this.#names.next(use);
    const line: RecordedConnection = { connection, peer: nameOf(peer), time: new Date().toISOString() };
    try {
      const recording = new ConnectionRecording(this.#filesOf(connection), secrets, () => this.#open.delete(recording));
      this.#open.add(recording);
      // What is listed has its files.
      this.#list.write(Buffer.from(`${escapeJson(JSON.stringify(line))}\n`));
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

  /** Of a run that is refused: a folder without connections would stand in the way of the next one. */
  withdraw(): void {
    if (this.#names.isAny) return;
    rmSync(join(this.#folder, CONNECTIONS), { force: true });
    if (this.#isOwnFolder && entriesOf(this.#folder).length === 0) rmdirSync(this.#folder);
  }

  #filesOf(connection: string): readonly GrowingFile[] {
    const sent = this.#file(fileNameOf(connection, 'sent'));
    try {
      return [sent, this.#file(fileNameOf(connection, 'received'))];
    } catch (error) {
      sent.close();
      throw error;
    }
  }

  #file(name: string): GrowingFile {
    // The folder was empty: what is there by now another one has put there.
    return new GrowingFile(join(this.#folder, name), (error) => this.#fail(error), 'new');
  }

  /** All of it ends there: what one direction lacks in its middle could not be told from what was never said. */
  #fail(error: RespError): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#onError(error);
    for (const each of this.#open) each.close();
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

/** @returns whether it was not there before */
function makeEmpty(folder: string): boolean {
  const shown = redactAddress(folder);
  try {
    mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw writeError(shown, error);
    if (entriesOf(folder).length > 0)
      throw new RespError('EEXIST', `Cannot record into ${shown}: there is something in it`, {
        hint: 'name a new folder',
      });
    return false;
  }
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw writeError(redactAddress(folder), error);
  }
}
