// One of the numbered databases: keys, values, expiries. What is due is removed before anybody looks.
import { NEVER } from '../../../../src/rdb/milliseconds.ts';
import { CommandError } from '../reply.ts';
import { ExpiryQueue } from './expiry-queue.ts';
import type { KeyTable, Page } from './key-table.ts';
import { emptyValue, type Value, type ValueOf, type ValueType } from './value.ts';

interface Entry {
  readonly value: Value;
  /** Milliseconds since 1970, or `NEVER`. */
  expireAt: number;
}

/** Stale places that the queue may hold before they are dropped. */
const MOST_STALE = 1024;

/** Keys are strings of a character a byte. */
export class Database {
  readonly #createTable: () => KeyTable;
  readonly #entries = new Map<string, Entry>();
  readonly #expiries = new ExpiryQueue();
  #table: KeyTable;
  #expiring = 0;
  #expired = 0;

  constructor(createTable: () => KeyTable) {
    this.#createTable = createTable;
    this.#table = createTable();
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Keys that have an expiry. */
  get expiring(): number {
    return this.#expiring;
  }

  /** Keys that have expired since the server was started. */
  get expired(): number {
    return this.#expired;
  }

  /** Removes what has expired. */
  settle(now: number): void {
    for (let due = this.#expiries.shiftDue(now); due !== undefined; due = this.#expiries.shiftDue(now)) {
      if (this.#entries.get(due.key)?.expireAt !== due.at) continue;
      this.delete(due.key);
      this.#expired += 1;
    }
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  get(key: string): Value | undefined {
    return this.#entries.get(key)?.value;
  }

  /** @throws CommandError where the key holds something else */
  read<T extends ValueType>(key: string, type: T): ValueOf<T> | undefined {
    const value = this.get(key);
    if (value === undefined || value.type === type) return value as ValueOf<T> | undefined;
    throw new CommandError('WRONGTYPE Operation against a key holding the wrong kind of value');
  }

  /** As `read`, but a key that is not there is made. */
  open<T extends ValueType>(key: string, type: T): ValueOf<T> {
    const found = this.read(key, type);
    if (found !== undefined) return found;
    const value = emptyValue(type);
    this.set(key, value);
    return value;
  }

  /** The old value goes, and its expiry with it. */
  set(key: string, value: Value, expireAt: number = NEVER): void {
    if (this.#entries.has(key)) this.expire(key, NEVER);
    else this.#table.add(key);
    this.#entries.set(key, { value, expireAt: NEVER });
    if (expireAt !== NEVER) this.expire(key, expireAt);
  }

  /** Returns whether it was there. */
  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    if (entry.expireAt !== NEVER) this.#expiring -= 1;
    this.#entries.delete(key);
    this.#table.delete(key);
    return true;
  }

  /** `undefined` where there is no such key. */
  expireAt(key: string): number | undefined {
    return this.#entries.get(key)?.expireAt;
  }

  /** Of a key that is there; `NEVER` takes its expiry away. */
  expire(key: string, at: number): void {
    const entry = this.#entries.get(key)!;
    if (entry.expireAt !== NEVER) this.#expiring -= 1;
    entry.expireAt = at;
    if (at === NEVER) return;
    this.#expiring += 1;
    this.#expiries.push({ at, key });
    if (this.#expiries.length > this.#expiring * 2 + MOST_STALE) {
      this.#expiries.retain((expiry) => this.#entries.get(expiry.key)?.expireAt === expiry.at);
    }
  }

  scan(cursor: bigint, count: number): Page {
    return this.#table.scan(cursor, count);
  }

  random(): string | undefined {
    return this.size === 0 ? undefined : this.#table.random();
  }

  clear(): void {
    this.#entries.clear();
    this.#expiries.clear();
    this.#table = this.#createTable();
    this.#expiring = 0;
  }
}
