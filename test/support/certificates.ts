// The certificates of the tests, which `fixtures/tls/make.sh` made: PEM text, and the files that hold it.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface Authority {
  readonly cert: string;
  readonly certFile: string;
}

export interface Certificate extends Authority {
  readonly key: string;
  readonly keyFile: string;
}

/** It signed all that follow, except where it says otherwise. */
export const authority: Authority = readAuthority('authority');
export const otherAuthority: Authority = readAuthority('other-authority');

export const certificates = {
  /** For localhost, 127.0.0.1 and ::1. */
  server: readCertificate('server'),
  /** For other.example alone. */
  otherName: readCertificate('other-name'),
  /** As `server`, until 2 January 2020. */
  expired: readCertificate('expired'),
  /** As `server`, signed by nobody but itself. */
  selfSigned: readCertificate('self-signed'),
  /** For clients. */
  client: readCertificate('client'),
  /** For clients, signed by the other authority. */
  stranger: readCertificate('stranger'),
} as const;

function readCertificate(name: string): Certificate {
  const keyFile = pathOf(`${name}.key.pem`);
  return { ...readAuthority(name), key: readFileSync(keyFile, 'latin1'), keyFile };
}

function readAuthority(name: string): Authority {
  const certFile = pathOf(`${name}.cert.pem`);
  return { cert: readFileSync(certFile, 'latin1'), certFile };
}

function pathOf(file: string): string {
  return fileURLToPath(new URL(`../../../fixtures/tls/${file}`, import.meta.url));
}
