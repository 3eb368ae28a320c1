export { Action, NO_COMPENSATION } from './action.decorator.js';
export type {
  ActionDecorator,
  ActionMethod,
  ActionOptions,
  AnswerOf,
  Compensating,
  SagaAction,
} from './action.decorator.js';
export { ATONE_CONNECTION } from './atone.connection.js';
export type { AtoneConnection, CallingService, ServedService, Serving } from './atone.connection.js';
export { AtoneLifecycle } from './atone.lifecycle.js';
export { AtoneModule } from './atone.module.js';
export type { AtoneExtras } from './atone.module-builder.js';
export { ATONE_CLIENT, ATONE_OPTIONS, databaseFrom } from './atone.options.js';
export type { AtoneOptions, DatabaseSource, PropagationOptions } from './atone.options.js';
export { atoneClientProxy, type ClientProxyOptions } from './led/client.proxy.js';
export type { ClientProxyLike } from './led/message.stamp.js';
export { GlobalTransaction } from './led/global-transaction.decorator.js';
export type {
  GlobalTransactionDecorator,
  GlobalTransactionOptions,
} from './led/global-transaction.decorator.js';
export { GlobalTransactions } from './led/global-transactions.service.js';
export { clientToken, InjectClient, type AnyContract, type ClientDecorator } from './led/service.clients.js';
export { Try } from './led/try.decorator.js';
export type { Ending, TryContract, TryDecorator, TryOptions } from './led/try.decorator.js';
export { Sagas } from './sagas.service.js';

// What a service needs beside: one package to install and to import from.
export {
  action,
  AtoneClientError,
  atoneFetch,
  atoneHeaders,
  BarrierMissingError,
  BarrierOutdatedError,
  bindTransaction,
  callHttp,
  CallsInFlightError,
  CallTimeoutError,
  contract,
  CoordinatorBusyError,
  CoordinatorRefusedError,
  CoordinatorUnreachableError,
  currentTransaction,
  InvalidSagaError,
  InvalidSagaInputError,
  MisuseError,
  NoTransactionError,
  NotSentError,
  outcomeOfError,
  OutcomeUnknownError,
  refusalOf,
  refusalProblem,
  RefusedError,
  Saga,
  saga,
  TransactionAbortedError,
  TransactionOverError,
  TransactionPresentError,
  TransactionTimeoutError,
  tryAction,
  UnexpectedAnswerError,
  UnknownOutcomeError,
} from '@atone/participant';
export type {
  ActionContract,
  ActOptions,
  AtoneClient,
  BarrierOptions,
  BranchContext,
  CallOptions,
  CleanUpOptions,
  Confirm,
  CoordinatorOptions,
  CurrentTransaction,
  Duration,
  ErrorOutcome,
  InputOf,
  ListenOptions,
  LocalDatabase,
  OutputOf,
  Propagation,
  RawInputOf,
  SagaInput,
  SagaOutputs,
  ServiceClient,
  SubmitOptions,
  SubmitResult,
  SweepOptions,
  TransactionOptions,
  Undo,
} from '@atone/participant';
export type { SigningKey, Submission, TransactionView } from '@atone/protocol';
