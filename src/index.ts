// The library: what programs may import. Everything else may change without notice.

export { check } from './verify/check.ts';
export {
  migrate,
  type VerifiedEvent as MigrateEvent,
  type VerifiedOptions as MigrateOptions,
  type VerifiedResult as MigrateResult,
} from './verify/verified.ts';
export type {
  CheckEvent,
  CheckFigures,
  CheckOptions,
  CheckResult,
  RecheckEvent,
  Verdict,
  VerdictEvent,
} from './verify/options.ts';
export type { PublishedError, PublishedEvent, PublishedRun } from './verify/run-channels.ts';
export type {
  ConflictPolicy,
  DryRunEvent,
  Figures,
  KeyFailedEvent,
  KeyRecoveredEvent,
  NatRule,
  NodeReport,
  ObservedEvent,
  PartitionOptions,
  PartitionReport,
  ReconnectEvent,
  SideReport,
  StartEvent,
  TypeFigures,
} from './sync/options.ts';
export { parsePlan, type WorkersPlan } from './sync/workers-plan.ts';
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
export type { Tap } from '../resp/tap.ts';
export type { TlsOptions } from '../resp/tls-options.ts';
export type { ConnectionUse, TapMaker } from './server/server.ts';
