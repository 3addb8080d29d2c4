// Stdin comes once: a check that would have to read it again cannot go on.

import { RespError } from '../../resp/errors.ts';
import type { EndpointSettings } from '../sync/settings.ts';

/** @throws RespError where the file is stdin */
export function demandRereadable({ shown }: EndpointSettings): void {
  if (isRereadable({ shown })) return;
  throw new RespError('STREAM', 'Cannot read stdin a second time: it has more keys than one pass can keep in mind', {
    hint: 'compare with a file',
  });
}

export function isRereadable({ shown }: Pick<EndpointSettings, 'shown'>): boolean {
  return shown !== '-';
}
