// The library door: what a program can use. Everything else may change without notice.

export { migrate } from './sync/migrate.ts';
export type {
  ConflictPolicy,
  DryRunEvent,
  Figures,
  KeyFailedEvent,
  MigrateEvent,
  MigrateOptions,
  MigrateResult,
  NatRule,
  NodeReport,
  ReconnectEvent,
  SideReport,
  StartEvent,
  TypeFigures,
} from './sync/options.ts';
export {
  AddressError,
  ConnectionError,
  ProtocolError,
  ReplyError,
  RespError,
  TimeoutError,
  type Peer,
  type TcpPeer,
} from '../resp/errors.ts';
export type { TlsOptions } from '../resp/tls-options.ts';
