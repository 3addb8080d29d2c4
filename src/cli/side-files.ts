// The files that the flags of one side name, and what of the options is in them.

import type { TlsOptions } from '../../resp/tls-options.ts';
import { readPasswordFile } from './password-file.ts';
import { readPemFiles, type PemFiles } from './pem-files.ts';

/** Paths. */
export interface SideFiles {
  readonly password: string | undefined;
  readonly sentinelPassword: string | undefined;
  readonly pem: PemFiles;
}

export interface SideSecrets {
  readonly password: string | undefined;
  readonly sentinelPassword: string | undefined;
  readonly tls: TlsOptions | undefined;
}

/**
 * What is known already, with what the files hold; they win.
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
