// The files that flags name for one side: password, certificates, key. They are validated before anything connects, as
// later errors of TLS name no file.

import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { redactAddress } from '../../../resp/address.ts';
import type { TlsOptions } from '../../../resp/tls-options.ts';
import { UsageError } from './usage-error.ts';

/** Paths. */
export interface SideFiles {
  readonly password: string | undefined;
  readonly sentinelPassword: string | undefined;
  readonly pem: PemFiles;
}

/** Each is a path, or the text of the file; `cert` and `key` come together. */
interface PemFiles {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export interface SideSecrets {
  readonly password: string | undefined;
  readonly sentinelPassword: string | undefined;
  readonly tls: TlsOptions | undefined;
}

/** Those options of a copy or a check that files can give. */
interface Secrets {
  readonly fromPassword?: string | undefined;
  readonly fromSentinelPassword?: string | undefined;
  readonly fromTls?: TlsOptions | undefined;
  readonly toPassword?: string | undefined;
  readonly toSentinelPassword?: string | undefined;
  readonly toTls?: TlsOptions | undefined;
}

/**
 * The options, completed from the files of both sides.
 * @throws UsageError
 */
export function withFiles<T extends Secrets>(options: T, fromFiles: SideFiles, toFiles: SideFiles): T {
  const from = readSideFiles(fromFiles, {
    password: options.fromPassword,
    sentinelPassword: options.fromSentinelPassword,
    tls: options.fromTls,
  });
  const to = readSideFiles(toFiles, {
    password: options.toPassword,
    sentinelPassword: options.toSentinelPassword,
    tls: options.toTls,
  });
  return {
    ...options,
    fromPassword: from.password,
    fromSentinelPassword: from.sentinelPassword,
    fromTls: from.tls,
    toPassword: to.password,
    toSentinelPassword: to.sentinelPassword,
    toTls: to.tls,
  };
}

/**
 * What the files hold, and what is known already of the rest.
 * @throws UsageError
 */
export function readSideFiles(files: SideFiles, known: SideSecrets): SideSecrets {
  return {
    password: files.password === undefined ? known.password : readPasswordFile(files.password),
    sentinelPassword:
      files.sentinelPassword === undefined ? known.sentinelPassword : readPasswordFile(files.sentinelPassword),
    tls: known.tls === undefined ? undefined : { ...known.tls, ...readPemFiles(files.pem) },
  };
}

/**
 * The text of the file without the newline at its end.
 * @throws UsageError
 */
export function readPasswordFile(path: string): string {
  const file = new TextFile('password', path);
  const password = file.text.replace(/\r?\n$/, '');
  if (password === '') throw file.refusal('it is empty');
  return password;
}

/** The texts in place of the paths. */
function readPemFiles(paths: PemFiles): PemFiles {
  const ca = paths.ca === undefined ? undefined : new TextFile('CA', paths.ca);
  if (ca !== undefined) certificateIn(ca);
  if (paths.cert === undefined || paths.key === undefined) return { ca: ca?.text, cert: undefined, key: undefined };
  const cert = new TextFile('certificate', paths.cert);
  const certificate = certificateIn(cert);
  const key = new TextFile('key', paths.key);
  if (!certificate.checkPrivateKey(keyIn(key))) throw key.refusal('it is not the key to the certificate');
  return { ca: ca?.text, cert: cert.text, key: key.text };
}

/** The first one; the others are its chain, or further authorities. */
function certificateIn(file: TextFile): X509Certificate {
  try {
    return new X509Certificate(file.text);
  } catch {
    throw file.refusal('it holds no certificate in PEM form');
  }
}

function keyIn(file: TextFile): KeyObject {
  if (/-----BEGIN ENCRYPTED|Proc-Type: *4, *ENCRYPTED/.test(file.text)) {
    throw file.refusal('it is encrypted', 'openssl pkey -in FILE -out OTHER writes it in plain form');
  }
  try {
    return createPrivateKey(file.text);
  } catch {
    throw file.refusal('it holds no private key in PEM form');
  }
}

const FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
};

/**
 * A small file, read whole. Its path may be an address with a password, given by mistake: paths are shown redacted,
 * and system errors, which repeat them, are not passed on.
 */
class TextFile {
  readonly text: string;
  /** `the password file /path`, to speak of it. */
  readonly #name: string;

  /**
   * @param what comes before the word file: `password`
   * @throws UsageError
   */
  constructor(what: string, path: string) {
    this.#name = `the ${what} file ${redactAddress(path)}`;
    this.text = this.#decode(this.#read(path));
  }

  /** The error for a file whose text is not what it should be. */
  refusal(why: string, hint?: string): UsageError {
    return new UsageError(`Cannot use ${this.#name}: ${why}`, hint);
  }

  #read(path: string): Buffer {
    try {
      return readFileSync(path);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      throw new UsageError(`Cannot read ${this.#name}: ${FAILURES[code] ?? code}`);
    }
  }

  #decode(bytes: Buffer): string {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      throw this.refusal('it is not UTF-8 text');
    }
  }
}
