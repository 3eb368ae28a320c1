export type {
  CrashPointOptions,
  CrashPointSummary,
  FinishedRun,
  Invariant,
  RunTransaction,
} from './crash.points.js';
export { CrashPointsError, type CrashPointFailure } from './crash.points.error.js';
export type { FaultKind, FaultOp, FaultOptions, PlannedFault } from './planned.fault.js';
export type {
  StubAnswer,
  StubbedAction,
  StubbedActions,
  StubbedService,
  StubEffect,
  StubRun,
} from './stub.js';
export {
  createTestingCoordinator,
  TestingCoordinator,
  type JoinedService,
  type JoinOptions,
  type ServeOptions,
} from './testing.coordinator.js';
export type { LedOptions } from './led.kit.js';
export { checkParticipant, type CheckFinding, type CheckReport } from './check/participant.check.js';
export { EffectCountError, type CheckedEndpoint, type CheckOptions } from './check/check.desk.js';
export { reportLines } from './check/check.report.js';
