// The names of keys in which a copy keeps its progress at the target: they are nobody's data, on whichever side they are found.

/** Each begins so. */
export const CHECKPOINT_PREFIX = 'rump:checkpoint:';

const NAME = /^rump:checkpoint:\{\d{1,6}\}(?::\d{1,5})?$/;
const SHORTEST = 'rump:checkpoint:{0}'.length;
const LONGEST = 'rump:checkpoint:{123456}:12345'.length;
const [FIRST, COLON] = [...Buffer.from('r:')];
/** Of the first colon. */
const COLON_AT = CHECKPOINT_PREFIX.indexOf(':');

/** Whether the name that lies there is one of these; most others are told by their first bytes. */
export function isCheckpointName(bytes: Buffer, start: number, end: number): boolean {
  if (bytes[start] !== FIRST || end - start < SHORTEST || end - start > LONGEST) return false;
  return bytes[start + COLON_AT] === COLON && NAME.test(bytes.toString('latin1', start, end));
}
