export * from './barrier.ddl.js';
export * from './barrier.install.js';
export * from './barrier.janitor.js';
export * from './barrier.port.js';
export { createBarrier } from './barrier.js';
export { currentBranch, isApart, reportMisuse, runInBranch, type ActiveBranch } from './branch.context.js';
export * from './clock.port.js';
export * from './contract.js';
export { guardDataSource, type GuardableDataSource } from './data-source.guard.js';
export * from './database.port.js';
export * from './doubt.sweeper.js';
export type { TransactionDoubts } from './doubts.port.js';
export type { TransactionEndings } from './endings.port.js';
export type { ParticipantLog } from './execution.report.js';
export { PARTICIPANT_FAILPOINTS, type ParticipantFailpoint } from './failpoints.js';
export * from './node/command-listener.js';
export * from './node/command-server.js';
export type * from './node/command.source.js';
export * from './node/janitor.node.js';
export * from './node/sweeper.node.js';
export * from './node/system-clock.js';
export * from './participant.error.js';
export * from './participant.js';
export { jsonSchemaOf } from './payload.js';

export * from './client.duration.js';
export * from './saga-builder.errors.js';
export * from './saga-builder.js';
export type * from './saga-builder.types.js';
export * from './client.errors.js';
export * from './client.js';
export type { DecideOptions, LedClient, TraceContext } from './client.led.js';
export type * from './client.ports.js';
export * from './node/client.node.js';
export * from './registration.js';
export * from './node/registration.node.js';
export type { AtoneParticipant, AtoneService } from './node/atone.service.js';
export { logLine, type ServiceLog } from './node/service.log.js';
export * from './node/option.names.js';
export * from './node/service.options.js';
export * from './node/service.presence.js';
export * from './node/service.workers.js';
export * from './node/start.atone.js';
export { handlerOf, type AnswerOf, type HandlerOf, type ServiceHandler } from './typed.handler.js';
export type * from './node/start.options.js';

export type { AnswerMeaning, ThroughCall } from './led/call.through.js';
export { outcomeOfError, type ErrorOutcome } from './led/error.outcome.js';
export type * from './led/global.options.js';
export { createPortGlobalTransactions } from './led/global.transactions.js';
export { instrumentAxios, type AxiosLike } from './led/http.axios.js';
export {
  atoneHeaders,
  callCarrying,
  callHttp,
  type CallHttpOptions,
  type HandedCall,
  type HttpAnswer,
} from './led/http.call.js';
export { BadContextError, type InboundHeaders } from './led/http.context.js';
export type { Middleware } from './led/http.express.js';
export type { FastifyPluginLike } from './led/http.fastify.js';
export type { FetchLike, FetchOptions } from './led/http.fetch.js';
export { refusalOf, refusalProblem, type RefusalProblem } from './led/http.refusal.js';
export type { InboundOptions, InboundResult } from './led/inbound.js';
export * from './led/led.errors.js';
export type { LedPorts } from './led/led.frame.js';
export { PROPAGATIONS, type Propagation } from './led/propagation.js';
export { createPortLedRuntime, type Registrar } from './led/run.js';
export type * from './led/scope.port.js';
export {
  createPortServiceCalls,
  createServiceClient,
  type CallOptions,
  type ServiceCallPorts,
  type ServiceCalls,
  type ServiceCallsOptions,
  type ServiceClient,
} from './led/service.client.js';
export type { LocalService } from './led/call.router.js';
export type * from './led/kafka.calls.port.js';
export {
  createPortDirectory,
  type DirectoryOptions,
  type ServiceDirectory,
  type ServiceWays,
} from './led/service.directory.js';
export {
  bindTransaction,
  currentTransaction,
  isPastEnd,
  type CurrentTransaction,
} from './led/transaction.context.js';
export * from './node/led.node.js';
export * from './node/led.runtime.js';
