export { Action, NO_COMPENSATION } from './action.decorator.js';
export type {
  ActionDecorator,
  ActionMethod,
  ActionOptions,
  AnswerOf,
  Compensating,
} from './action.decorator.js';
export { ATONE_CONNECTION } from './atone.connection.js';
export type { AtoneConnection, ServedService, Serving } from './atone.connection.js';
export { AtoneLifecycle } from './atone.lifecycle.js';
export { AtoneModule } from './atone.module.js';
export { ATONE_CLIENT, ATONE_OPTIONS, databaseFrom } from './atone.options.js';
export type {
  AtoneOptions,
  BarrierOptions,
  CoordinatorOptions,
  DatabaseSource,
  ListenOptions,
} from './atone.options.js';
export { Sagas } from './sagas.service.js';

// What a service needs beside: one package to install and to import from.
export {
  action,
  AtoneClientError,
  BarrierMissingError,
  BarrierOutdatedError,
  contract,
  CoordinatorBusyError,
  CoordinatorRefusedError,
  CoordinatorUnreachableError,
  InvalidSagaError,
  InvalidSagaInputError,
  MisuseError,
  RefusedError,
  Saga,
  saga,
  UnexpectedAnswerError,
} from '@atone/participant';
export type {
  ActionContract,
  ActOptions,
  AtoneClient,
  BranchContext,
  CleanUpOptions,
  Duration,
  InputOf,
  LocalDatabase,
  OutputOf,
  RawInputOf,
  SagaInput,
  SagaOutputs,
  SubmitOptions,
  SubmitResult,
  Undo,
} from '@atone/participant';
export type { SigningKey, Submission, TransactionView } from '@atone/protocol';
