// The library door: what a program can use. Everything else may change without notice.

export { migrate } from './sync/migrate.ts';
export type {
  ConflictPolicy,
  Figures,
  KeyFailedEvent,
  MigrateEvent,
  MigrateOptions,
  MigrateResult,
  StartEvent,
} from './sync/options.ts';
export {
  AddressError,
  ConnectionError,
  ProtocolError,
  ReplyError,
  RespError,
  TimeoutError,
  type Peer,
} from '../resp/errors.ts';
