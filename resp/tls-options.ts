// How a connection is made private: whom to trust, and who we are. Certificates and keys are PEM text, not paths.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { ConnectionError, nameOf, type Peer } from './errors.ts';

/** The codes of OpenSSL for what Node does not say, and one of our own. */
const NO_PEM = 'ERR_OSSL_PEM_NO_START_LINE';
const NO_FIT = 'ERR_OSSL_X509_KEY_VALUES_MISMATCH';
const NO_PAIR = 'TLS_OPTIONS';

export interface TlsOptions {
  /** Authorities to trust in place of those that Node brings. */
  readonly ca?: Buffer | string | undefined;
  /** Our certificate, where the server asks for one, and the key to it. */
  readonly cert?: Buffer | string | undefined;
  readonly key?: Buffer | string | undefined;
  /** The name that the server's certificate must hold; the host of the address otherwise. */
  readonly servername?: string | undefined;
  /** `true` takes any certificate: whoever is in between can read and change everything. */
  readonly insecure?: boolean | undefined;
}

/** The ways out of what is wrong with a certificate, one clause each: whoever connects knows how its settings are called. */
export interface TlsHints {
  readonly nameAuthority?: string;
  readonly nameItself?: string;
  readonly nameServer?: string;
  readonly showCertificate?: string;
  readonly takeAny?: string;
  readonly giveAuthority?: string;
  readonly giveCertificate?: string;
  readonly giveKey?: string;
}

/** The name that the certificate must hold. A certificate ends its names in no dot, a host may. */
export function serverNameOf({ servername }: TlsOptions, peer: Peer): string {
  return (servername ?? ('host' in peer ? peer.host : 'localhost')).replace(/\.$/, '');
}

/**
 * Looks before Node does: it takes an authority that holds no certificate without a word, and of the three does not say
 * which is broken.
 * @throws ConnectionError
 */
export function checkTlsOptions({ ca, cert, key }: TlsOptions, peer: Peer, hints: TlsHints = {}): void {
  const demand = (isGood: () => boolean, code: string, why: string, hint: string | undefined): void => {
    let cause: (Error & { code?: string }) | undefined;
    try {
      if (isGood()) return;
    } catch (error) {
      cause = error as Error;
    }
    const message = `Cannot connect to ${nameOf(peer)}: ${why}`;
    throw new ConnectionError(cause?.code ?? code, message, { peer, hint, cause });
  };
  const { giveAuthority, giveCertificate, giveKey } = hints;
  if (ca !== undefined)
    demand(() => isCertificate(ca), NO_PEM, 'the authority to trust is no certificate', giveAuthority);
  if (cert === undefined && key === undefined) return;
  demand(() => cert !== undefined, NO_PAIR, 'our key comes without its certificate', giveCertificate);
  demand(() => key !== undefined, NO_PAIR, 'our certificate comes without its key', giveKey);
  demand(() => isCertificate(cert!), NO_PEM, 'our certificate is none that can be read', giveCertificate);
  demand(() => createPrivateKey(key!).type === 'private', NO_PEM, 'our key is none that can be read', giveKey);
  demand(() => isPair(cert!, key!), NO_FIT, 'our key does not fit our certificate', giveKey);
}

/** Throws where the PEM is broken. Anything else than PEM would do here, but not for a connection. */
function isCertificate(pem: Buffer | string): boolean {
  return pem.includes('-----BEGIN ') && new X509Certificate(pem).subject !== undefined;
}

function isPair(cert: Buffer | string, key: Buffer | string): boolean {
  return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
}
