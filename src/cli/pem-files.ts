// Certificates and keys in PEM form, tried before anything connects: what TLS says of them later names no file.

import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { TextFile } from './text-file.ts';

/** Of each either a path or the text of the file; `cert` and `key` only together. */
export interface PemFiles {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/**
 * The texts in place of the paths.
 * @throws UsageError
 */
export function readPemFiles(paths: PemFiles): PemFiles {
  const ca = paths.ca === undefined ? undefined : new TextFile('CA', paths.ca);
  if (ca !== undefined) certificateIn(ca);
  if (paths.cert === undefined || paths.key === undefined) return { ca: ca?.text, cert: undefined, key: undefined };
  const cert = new TextFile('certificate', paths.cert);
  const certificate = certificateIn(cert);
  const key = new TextFile('key', paths.key);
  if (!certificate.checkPrivateKey(keyIn(key))) throw key.refusal('it is not the key to the certificate');
  return { ca: ca?.text, cert: cert.text, key: key.text };
}

/** The first one: others in the file lead from it to its authority, or are further authorities. */
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
