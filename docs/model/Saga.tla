--------------------------------- MODULE Saga ----------------------------------
(* The decision of a saga: who may commit or abort it, and what may be undone, while coordinators crash, pause   *)
(* and take over, and messages are late, lost or repeated. README.md beside this file says how to read and run   *)
(* it. The steps of the plan are 1, 2, 3 in this order; the pivot, if there is one, is chosen at the start.      *)
EXTENDS Integers

CONSTANTS
  Coordinators, Branches, Pivots, \* Pivots: which steps may be the pivot; 0 is a plan without one
  ClaimMax,                       \* the bound: so often a row is taken over; after the last time nobody crashes
  \* The switches. Each is TRUE in Atone. With any one of them FALSE a property must fall, as said beside it.
  CompareAndSet,     \* a row is written only over the version that the writer knows: OneDecision, 4 steps
  Barrier,           \* a participant's row for each branch commits with the effect: OneEffect, 3 steps
  Tombstone,         \* an undo without an action blocks an action that comes late: NoEffectAfterUndo, 5 steps
  StoredRefusal,     \* a refusal is stored, so that a repeat gets it too: AbortedIsNothing, 5 steps
  TakeoverUndoesAll, \* who took over undoes all but what is surely refused, not only
                     \* what the row shows as sent: AbortedIsNothing, 5 steps
  DurablePivot       \* "the pivot is sent" is on disk before the pivot is sent: NoUndoBehindPivot, 7 steps

VARIABLES
  pivot,    \* the step whose yes commits, or 0
  row,      \* the row in the log: a version and a saga
  drivers,  \* for each coordinator what its memory holds; a crash forgets it, and a pause keeps it, however stale
  sent,     \* the commands ever sent, and ...
  replies,  \* ... the replies. Nothing is taken out, so any may come late, again or never
  parts,    \* for each branch the barrier's row, and how often an effect and its undo have taken place
  told,     \* the outcomes that somebody was told
  claims    \* how often the row was taken over

vars == <<pivot, row, drivers, sent, replies, parts, told, claims>>

(* A saga as a row or a driver knows it. A branch is "unsent", "sent" (no answer yet), "done", "refused", "undone". *)
NewSaga == [state |-> "running", branch |-> [b \in Branches |-> "unsent"]]
Ended == {"committed", "aborted"}
Outcome(state) == CASE state \in {"committing", "committed"} -> "committed"
                    [] state \in {"aborting", "aborted"} -> "aborted"
                    [] OTHER -> "undecided"
Known(saga, b, what) == [saga EXCEPT !.branch[b] = what]
AllDone(saga) == \A b \in Branches : saga.branch[b] = "done"
IsReady(saga, b) == \A before \in Branches : before < b => saga.branch[before] = "done"
IsAbortable(saga) == saga.state = "running" /\ (pivot # 0 => saga.branch[pivot] \in {"unsent", "refused"})
CanUndo(b) == pivot = 0 \/ b < pivot      \* what comes before the pivot has a compensation
CanRefuse(b) == pivot = 0 \/ b <= pivot   \* behind the pivot a no leads to a new round, which is not modelled
NeedsUndo(saga, b) == CanUndo(b) /\ saga.branch[b] \in {"sent", "done"}

Off == [on |-> FALSE, version |-> 0, saga |-> NewSaga, isDirty |-> FALSE, isBroken |-> FALSE]
Init ==
  /\ pivot \in Pivots
  /\ row = [version |-> 1, saga |-> NewSaga]   \* accepted, by one of the coordinators
  /\ drivers = [c \in Coordinators |-> IF c = CHOOSE first \in Coordinators : TRUE
                                       THEN [Off EXCEPT !.on = TRUE, !.version = 1] ELSE Off]
  /\ sent = {} /\ replies = {} /\ told = {} /\ claims = 0
  /\ parts = [b \in Branches |-> [barrier |-> "none", ran |-> 0, undone |-> 0]]

--------------------------------------------------------------------------------
(* The driver, `saga.machine.ts` and `saga.driver.ts`. What it learns is written lazily, but for what must be first. *)
Learn(c, saga) ==
  /\ drivers' = [drivers EXCEPT ![c].isDirty = @ \/ saga # drivers[c].saga, ![c].saga = saga]
  /\ row' = row

\* Durable first: who finds another version in the row has lost it, and lets go.
Write(c, saga) ==
  IF CompareAndSet => drivers[c].version = row.version
  THEN /\ row' = [version |-> row.version + 1, saga |-> saga]
       /\ drivers' = [drivers EXCEPT ![c] = [@ EXCEPT !.version = row.version + 1, !.saga = saga, !.isDirty = FALSE]]
  ELSE /\ drivers' = [drivers EXCEPT ![c] = Off]
       /\ row' = row

IsDriving(c, states) == drivers[c].on /\ drivers[c].saga.state \in states

SendAction(c, b) ==
  LET saga == drivers[c].saga IN
  /\ IsDriving(c, {"running", "committing"}) /\ IsReady(saga, b) /\ saga.branch[b] \in {"unsent", "sent"}
  /\ IF DurablePivot /\ b = pivot /\ saga.branch[b] = "unsent"
     THEN Write(c, Known(saga, b, "sent")) /\ sent' = sent   \* to send it is another step, which may never come
     ELSE Learn(c, Known(saga, b, "sent")) /\ sent' = sent \union {<<"action", b>>}
  /\ UNCHANGED <<pivot, replies, parts, told, claims>>

HearDone(c, b) ==
  LET saga == Known(drivers[c].saga, b, "done") IN
  /\ IsDriving(c, {"running", "committing"}) /\ drivers[c].saga.branch[b] = "sent" /\ <<"done", b>> \in replies
  /\ Learn(c, IF b = pivot THEN [saga EXCEPT !.state = "committing"] ELSE saga)   \* its record is the barrier's
  /\ UNCHANGED <<pivot, sent, replies, parts, told, claims>>

(* The change of direction. What is to be undone goes with it, so that who takes over later has nothing to guess. *)
TurnRound(c, saga) ==
  LET MayBeSent(b) == TakeoverUndoesAll /\ drivers[c].isBroken /\ CanUndo(b) /\ saga.branch[b] = "unsent"
  IN Write(c, [state |-> "aborting", branch |-> [b \in Branches |-> IF MayBeSent(b) THEN "sent" ELSE saga.branch[b]]])

HearRefused(c, b) ==
  LET saga == Known(drivers[c].saga, b, "refused") IN
  /\ IsDriving(c, {"running", "aborting"}) /\ drivers[c].saga.branch[b] = "sent" /\ <<"refused", b>> \in replies
  /\ IF IsAbortable(saga) THEN TurnRound(c, saga) ELSE Learn(c, saga)
  /\ UNCHANGED <<pivot, sent, replies, parts, told, claims>>

\* The deadline has passed, attempts are used up, or an operator wants it: possible at any time, and never certain.
Abort(c) ==
  /\ IsDriving(c, {"running"}) /\ IsAbortable(drivers[c].saga) /\ ~AllDone(drivers[c].saga)
  /\ TurnRound(c, drivers[c].saga)
  /\ UNCHANGED <<pivot, sent, replies, parts, told, claims>>

SendUndo(c, b) ==   \* in reverse order
  /\ IsDriving(c, {"aborting"}) /\ NeedsUndo(drivers[c].saga, b)
  /\ \A behind \in Branches : behind > b => ~NeedsUndo(drivers[c].saga, behind)
  /\ sent' = sent \union {<<"compensate", b>>}
  /\ UNCHANGED <<pivot, row, drivers, replies, parts, told, claims>>

HearUndone(c, b) ==
  /\ IsDriving(c, {"aborting"}) /\ NeedsUndo(drivers[c].saga, b) /\ <<"undone", b>> \in replies
  /\ Learn(c, Known(drivers[c].saga, b, "undone"))
  /\ UNCHANGED <<pivot, sent, replies, parts, told, claims>>

End(c) ==
  LET saga == drivers[c].saga IN
  /\ \/ IsDriving(c, {"running", "committing"}) /\ AllDone(saga) /\ Write(c, [saga EXCEPT !.state = "committed"])
     \/ /\ IsDriving(c, {"aborting"}) /\ \A b \in Branches : ~NeedsUndo(saga, b)
        /\ Write(c, [saga EXCEPT !.state = "aborted"])
  /\ UNCHANGED <<pivot, sent, replies, parts, told, claims>>

Tell(c) ==
  /\ IsDriving(c, Ended) /\ told' = told \union {drivers[c].saga.state}
  /\ drivers' = [drivers EXCEPT ![c] = Off]
  /\ UNCHANGED <<pivot, row, sent, replies, parts, claims>>

WriteProgress(c) ==   \* lazy: for people to see, and never to be relied on
  /\ IsDriving(c, {"running", "committing", "aborting"}) /\ drivers[c].isDirty
  /\ Write(c, drivers[c].saga)
  /\ UNCHANGED <<pivot, sent, replies, parts, told, claims>>

Claim(c) ==   \* at any time: a lease is a hint
  /\ ~drivers[c].on /\ row.saga.state \notin Ended /\ claims < ClaimMax
  /\ row' = [row EXCEPT !.version = @ + 1] /\ claims' = claims + 1
  /\ drivers' = [drivers EXCEPT ![c] = [Off EXCEPT !.on = TRUE, !.version = row.version + 1,
                                                !.saga = row.saga, !.isBroken = TRUE]]
  /\ UNCHANGED <<pivot, sent, replies, parts, told>>

Crash(c) ==
  /\ drivers[c].on /\ claims < ClaimMax /\ drivers' = [drivers EXCEPT ![c] = Off]
  /\ UNCHANGED <<pivot, row, sent, replies, parts, told, claims>>

--------------------------------------------------------------------------------
(* The participant, `barrier.rules.ts`. A repeat that gets a stored reply changes nothing: it is in `replies`. *)
Stored(b) == IF Barrier THEN parts[b].barrier ELSE "none"

RunAction(b) ==
  /\ <<"action", b>> \in sent /\ Stored(b) = "none"
  /\ \/ /\ parts' = [parts EXCEPT ![b].barrier = "done", ![b].ran = @ + 1]
        /\ replies' = replies \union {<<"done", b>>}
     \/ /\ CanRefuse(b)   \* the funds are short; they may suffice at the next attempt
        /\ parts' = [parts EXCEPT ![b].barrier = IF StoredRefusal THEN "refused" ELSE "none"]
        /\ replies' = replies \union {<<"refused", b>>}
  /\ UNCHANGED <<pivot, row, drivers, sent, told, claims>>

RunUndo(b) ==
  /\ <<"compensate", b>> \in sent /\ Stored(b) # "undone"
  /\ parts' = [parts EXCEPT ![b].barrier = IF @ = "none" /\ ~Tombstone THEN "none" ELSE "undone",
                            ![b].undone = @ + (IF Barrier /\ Stored(b) # "done" THEN 0 ELSE 1)]
  /\ replies' = replies \union {<<"undone", b>>}
  /\ UNCHANGED <<pivot, row, drivers, sent, told, claims>>

--------------------------------------------------------------------------------
Drive(c) == \/ End(c) \/ Tell(c) \/ WriteProgress(c)
            \/ \E b \in Branches : SendAction(c, b) \/ HearDone(c, b) \/ HearRefused(c, b)
                                  \/ SendUndo(c, b) \/ HearUndone(c, b)
Proceed == \/ \E c \in Coordinators : Drive(c) \/ Claim(c)
           \/ \E b \in Branches : RunAction(b) \/ RunUndo(b)
Misfortune == \E c \in Coordinators : Abort(c) \/ Crash(c)   \* may come, and need not
Spec == Init /\ [][Proceed \/ Misfortune]_vars /\ WF_vars(Proceed)   \* WF: while something can proceed, something does

(* What must hold, with the numbers of ARCHITECTURE.md. *)
Holds(b) == parts[b].ran - parts[b].undone   \* how many effects of b are in force

OneDecision ==        \* S1, S2
  [][/\ Outcome(row.saga.state) # "undecided" => Outcome(row'.saga.state) = Outcome(row.saga.state)
     /\ row.saga.state \in Ended => row' = row]_row
OneEffect ==          \* S4, S6
  \A b \in Branches : parts[b].ran <= 1 /\ parts[b].undone <= parts[b].ran
NoEffectAfterUndo ==  \* S5
  [][\A b \in Branches : <<"undone", b>> \in replies => parts'[b].ran = parts[b].ran]_parts
CommittedIsAll ==     \* SA1
  row.saga.state = "committed" => \A b \in Branches : Holds(b) = 1
AbortedIsNothing ==   \* S7, SA1, SA3
  row.saga.state = "aborted" => \A b \in Branches : Holds(b) = 0
NoUndoBehindPivot ==  \* SA5
  pivot # 0 /\ parts[pivot].ran > 0 =>
    Outcome(row.saga.state) # "aborted" /\ \A b \in Branches : <<"compensate", b>> \notin sent
UndoIsDecided ==      \* S9: who has lost the row sends no undo that is not decided
  (\E b \in Branches : <<"compensate", b>> \in sent) => Outcome(row.saga.state) = "aborted"
ToldIsDurable ==      \* S8
  told \subseteq {row.saga.state}
EveryRunEnds ==       \* L1
  <>(row.saga.state \in Ended)
================================================================================
