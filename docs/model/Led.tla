---------------------------------- MODULE Led ----------------------------------
(* The decision of a led transaction: its initiator calls two services and decides, unless somebody in doubt has *)
(* asked before. Any of them may crash, and messages are late, lost or repeated. README.md beside this file says *)
(* how to read and run it. Calls 1 and 2 are the initiator's own; each run of 2 makes a call below it.           *)
EXTENDS Integers, FiniteSets

CONSTANTS
  RunMax,             \* the bound: so often call 2 is run
  \* The switches. Each is TRUE in Atone. With any one of them FALSE a property must fall, as said beside it.
  InsertIfAbsent,     \* a decision is never written over another one: OneDecision, 6 steps
  AbortBeforeAnswer,  \* a presumed abort is in the log before it is answered: CommittedIsAll, 7 steps
  TooOldIsRefused,    \* nothing is decided of a gid that the log has forgotten: OneDecision, 9 steps
  ForgetAfterEnd,     \* nothing is forgotten before all have acknowledged: ForgottenIsEnded, 5 steps
  JoinBeforeDecision, \* no branch is registered after the decision: JoinedIsNamed, 6 steps
  UnknownIsUndecided, \* a look-up does not call aborted what the log does not hold: ToldIsKept, 2 steps
  ListDecides,        \* what is not on the list of a commit is undone: ConfirmedIsWanted, 7 steps
  ThrownIsOffList,    \* a call that threw is not on the list, also if it was done: ConfirmedIsWanted, 7 steps
  SweeperAsks,        \* who is in doubt asks, and does not undo by himself: CommittedIsAll, 6 steps
  Tombstone,          \* an undo without an action blocks a call that comes late: NoEffectAfterUndo, 6 steps
  RunsShareNoIds,     \* what a run calls has ids that no other run uses: CommittedIsAll, 12 steps
  UndoWaits           \* what a repeat may still join is not undone before the decision: CommittedIsAll, 7 steps

VARIABLES
  kinds,     \* call 1 is a "branch", or "registers" first and never asks; call 2 is a "branch", or a "request"
             \* of a service that keeps no row for it, so that it may be answered twice
  initiator, \* "working", or "gone": it has sent its decision, or crashed
  calls,     \* what the initiator's code knows of each of its calls
  heard,     \* the branches below call 2, as the answer that it heard tells them
  request,   \* the decision that it sent
  run,       \* the last run of call 2: its number, and how far it is
  answers,   \* the answers to call 2: what each tells of the branches below
  parts,     \* for each branch the barrier's row
  sent,      \* the calls, confirms and undos ever sent, and ...
  replies,   \* ... the replies. Nothing is taken out, so any may come late, again or never
  row,       \* the row in the log
  decisions  \* all that was ever decided, also when the row is gone

lead == <<initiator, calls, heard, request>>
services == <<run, answers, parts>>
log == <<row, decisions>>
vars == <<kinds, lead, services, sent, replies, log>>

Calls == {1, 2}
Below(number) == IF RunsShareNoIds THEN 20 + number ELSE 21   \* 21 is 2~a.1, and 22 is 2~b.1
Branches == Calls \union {20 + number : number \in 1..RunMax}
IsRequest(b) == b = 2 /\ kinds[2] = "request"
IsRegistering(b) == b = 1 /\ kinds[1] = "registers"

Init ==
  /\ kinds \in {<<"branch", "branch">>, <<"registers", "branch">>, <<"branch", "request">>}
  /\ initiator = "working" /\ calls = [b \in Calls |-> "unsent"] /\ heard = {}
  /\ request = [to |-> "nothing", list |-> {}, off |-> {}]
  /\ run = [number |-> 0, state |-> "ended"] /\ answers = {} /\ parts = [b \in Branches |-> "none"]
  /\ sent = {} /\ replies = {}
  /\ row = [state |-> "none", list |-> {}, off |-> {}] /\ decisions = {}

--------------------------------------------------------------------------------
(* The initiator's code. A repeat of a call has the same id, and is in `sent` already. *)
Call(b) ==
  /\ initiator = "working" /\ calls[b] = "unsent"
  /\ calls' = [calls EXCEPT ![b] = "called"] /\ sent' = sent \union {<<"call", b>>}
  /\ UNCHANGED <<kinds, initiator, heard, request, services, replies, log>>

Return(b) ==
  /\ initiator = "working" /\ calls[b] = "called" /\ calls' = [calls EXCEPT ![b] = "returned"]
  /\ IF b = 2 THEN heard' \in answers ELSE <<"done", b>> \in replies /\ heard' = heard
  /\ UNCHANGED <<kinds, initiator, request, services, sent, replies, log>>

Throw(b) ==   \* the answer is no, or unknown, or the code made nothing of it; and it may go on without
  /\ initiator = "working" /\ calls[b] = "called" /\ calls' = [calls EXCEPT ![b] = "threw"]
  /\ UNCHANGED <<kinds, initiator, heard, request, services, sent, replies, log>>

IsListed(b) == calls[b] = "returned" \/ (~ThrownIsOffList /\ calls[b] = "threw" /\ <<"done", b>> \in replies)
List == {b \in Calls : IsListed(b) /\ ~IsRequest(b)} \union heard

Leave(to) ==   \* it decides, or crashes and decides nothing
  /\ initiator = "working" /\ initiator' = "gone"
  /\ to = "commit" => \A b \in Calls : calls[b] # "called"
  /\ request' = [to |-> to, list |-> List, off |-> {b \in Calls : calls[b] # "unsent" /\ ~IsRequest(b)} \ List]
  /\ UNCHANGED <<kinds, calls, heard, services, sent, replies, log>>

--------------------------------------------------------------------------------
(* The coordinators. They rely on nothing but the row, so a crash, which loses all the rest, is no step of its own. *)
IsAbsent == row.state = "none" \/ (row.state = "forgotten" /\ ~TooOldIsRefused)
Outcome == CASE row.state \in {"committing", "committed"} -> "commit"
             [] row.state \in {"aborting", "aborted"} -> "abort"
             [] OTHER -> "undecided"
IsLive == row.state \in {"committing", "aborting"}
Named == row.list \union row.off

Insert(state, to, list, off) ==
  /\ row' = [state |-> state, list |-> list, off |-> off]
  /\ decisions' = decisions \union {[to |-> to, list |-> list]}

Decide ==   \* of an active row it is a compare-and-set
  LET to == request.to IN
  /\ to # "nothing" /\ (IsAbsent \/ row.state = "active" \/ (~InsertIfAbsent /\ Outcome # "undecided"))
  /\ Insert(IF to = "commit" THEN "committing" ELSE "aborting", to, request.list,
            (request.off \union row.off) \ request.list)
  /\ UNCHANGED <<kinds, lead, services, sent, replies>>

Register(b) ==
  /\ IsRegistering(b) /\ <<"call", b>> \in sent
  /\ \/ row.state = "none" /\ row' = [row EXCEPT !.state = "active", !.off = {b}]
     \/ ~JoinBeforeDecision /\ Outcome # "undecided" /\ row' = row
  /\ replies' = replies \union {<<"registered", b>>}
  /\ UNCHANGED <<kinds, lead, services, sent, decisions>>

PassDeadline ==
  /\ row.state = "active" /\ Insert("aborting", "abort", {}, row.off)
  /\ UNCHANGED <<kinds, lead, services, sent, replies>>

Verdict(b) == IF Outcome = "commit" /\ (ListDecides => b \in row.list) THEN "confirm" ELSE "undo"

\* At any time, for clocks are not safety (S10); and also late, when the branch is in doubt no more.
AnswerDoubt(b) ==
  /\ <<"done", b>> \in replies /\ ~IsRegistering(b) /\ (Outcome # "undecided" \/ IsAbsent)
  /\ IF Outcome = "undecided" /\ AbortBeforeAnswer
     THEN Insert("aborted", "abort", {}, {}) /\ sent' = sent   \* to answer is another step, which may never come
     ELSE sent' = sent \union {<<Verdict(b), b>>} /\ UNCHANGED <<row, decisions>>
  /\ UNCHANGED <<kinds, lead, services, replies>>

SendEnd(b) ==
  /\ IsLive /\ b \in Named /\ sent' = sent \union {<<Verdict(b), b>>}
  /\ UNCHANGED <<kinds, lead, services, replies, log>>

End ==
  /\ IsLive /\ \A b \in Named : <<"confirmed", b>> \in replies \/ <<"undone", b>> \in replies
  /\ row' = [row EXCEPT !.state = IF @ = "committing" THEN "committed" ELSE "aborted"]
  /\ UNCHANGED <<kinds, lead, services, sent, replies, decisions>>

\* The log's memory outlasts all calls, and all doubts of who is not named: who is away for longer asks a person.
Forget ==
  /\ row.state \in {"committed", "aborted"} \/ (~ForgetAfterEnd /\ IsLive)
  /\ run.state = "ended" /\ \A b \in Branches \ Named : parts[b] # "done"
  /\ row' = [row EXCEPT !.state = "forgotten"]
  /\ UNCHANGED <<kinds, lead, services, sent, replies, decisions>>

\* What the initiator is told, as often as it repeats its decision, and whoever looks.
Answer == IF row.state = "none" /\ ~UnknownIsUndecided THEN "abort" ELSE Outcome

--------------------------------------------------------------------------------
(* The participants, `barrier.rules.ts`. A repeat that gets a stored reply changes nothing: it is in `replies`. *)
IsNew(b) == <<"call", b>> \in sent /\ parts[b] = "none" /\ row.state # "forgotten"
Store(b, what) == parts' = [parts EXCEPT ![b] = what] /\ replies' = replies \union {<<what, b>>}

RunCall(b) ==
  /\ b # 2 /\ IsNew(b) /\ (IsRegistering(b) => <<"registered", b>> \in replies) /\ Store(b, "done")
  /\ UNCHANGED <<kinds, lead, run, answers, sent, log>>

BeginRun ==   \* until it ends it keeps all other commands of branch 2 waiting
  /\ IsNew(2) /\ run.state = "ended" /\ run.number < RunMax
  /\ run' = [number |-> run.number + 1, state |-> "calling"]
  /\ sent' = sent \union {<<"call", Below(run.number + 1)>>}
  /\ UNCHANGED <<kinds, lead, answers, parts, replies, log>>

HearBelow ==   \* or not, when that call threw
  /\ run.state = "calling" /\ <<"done", Below(run.number)>> \in replies /\ run' = [run EXCEPT !.state = "returned"]
  /\ UNCHANGED <<kinds, lead, answers, parts, sent, replies, log>>

EndRun ==
  /\ run.state # "ended" /\ run' = [run EXCEPT !.state = "ended"]
  /\ \/ /\ answers' = answers \union {IF run.state = "returned" THEN {Below(run.number)} ELSE {}}
        /\ IF IsRequest(2) THEN UNCHANGED <<parts, replies>> ELSE Store(2, "done")   \* its local commit
     \/ UNCHANGED <<answers, parts, replies>>   \* it crashed, and its local transaction with it
  /\ UNCHANGED <<kinds, lead, sent, log>>

UndoEarly(b) ==   \* not waiting for the decision: what a run called that has ended and tells of it in no answer
  /\ \/ /\ \E number \in 1..run.number : b = Below(number) /\ (number < run.number \/ run.state = "ended")
        /\ \A answer \in answers : b \notin answer
     \/ ~UndoWaits /\ b \in Calls /\ calls[b] = "called"
  /\ sent' = sent \union {<<"undo", b>>}
  /\ UNCHANGED <<kinds, lead, services, replies, log>>

RunConfirm(b) ==
  /\ <<"confirm", b>> \in sent /\ parts[b] = "done" /\ Store(b, "confirmed")
  /\ UNCHANGED <<kinds, lead, run, answers, sent, log>>

RunUndo(b) ==
  /\ <<"undo", b>> \in sent \/ (~SweeperAsks /\ parts[b] = "done")
  /\ parts[b] \in {"none", "done"} /\ (b = 2 => run.state = "ended")
  /\ IF parts[b] = "none" /\ ~Tombstone THEN parts' = parts /\ replies' = replies \union {<<"undone", b>>}
                                        ELSE Store(b, "undone")
  /\ UNCHANGED <<kinds, lead, run, answers, sent, log>>

--------------------------------------------------------------------------------
Proceed == \/ PassDeadline \/ End \/ EndRun
           \/ \E b \in Branches : AnswerDoubt(b) \/ SendEnd(b) \/ RunConfirm(b) \/ RunUndo(b)
Possible == \/ Decide \/ Forget \/ BeginRun \/ HearBelow   \* may come, and need not
            \/ \E b \in Branches : Register(b) \/ RunCall(b) \/ UndoEarly(b)
            \/ \E b \in Calls : Call(b) \/ Return(b) \/ Throw(b)
            \/ \E to \in {"commit", "abort", "nothing"} : Leave(to)
Spec == Init /\ [][Proceed \/ Possible]_vars /\ WF_vars(Proceed)   \* WF: while something can proceed, something does

(* What must hold, with the numbers of ARCHITECTURE.md. *)
OneDecision ==        \* S1, S2
  Cardinality(decisions) <= 1
NeverBoth ==          \* S1
  \A b \in Branches : ~({<<"confirm", b>>, <<"undo", b>>} \subseteq sent)
CommittedIsAll ==     \* S7: what a commit lists is in force
  \A d \in decisions : d.to = "commit" => \A b \in d.list : parts[b] \in {"done", "confirmed"}
ConfirmedIsWanted ==  \* its call, and every call above it, returned
  \A b \in Branches : parts[b] = "confirmed" =>
    IF b \in Calls THEN calls[b] = "returned" ELSE calls[2] = "returned" /\ b \in heard
AbortedIsNothing ==   \* S7
  \A d \in decisions : d.to = "abort" => \A b \in Branches : parts[b] # "confirmed"
JoinedIsNamed ==      \* S3
  \A b \in Calls : <<"registered", b>> \in replies /\ Outcome # "undecided" => b \in Named
ForgottenIsEnded ==   \* L1
  row.state = "forgotten" => \A b \in Named : parts[b] # "done"
ToldIsKept ==         \* S8: no later answer contradicts what somebody was told
  [][Answer # "undecided" => Answer' \in {Answer, "undecided"}]_row
NoEffectAfterUndo ==  \* S5
  [][\A b \in Branches : <<"undone", b>> \in replies => parts'[b] \in {parts[b], "undone"}]_parts
EveryEffectEnds ==    \* L1, S7: it is confirmed or undone, and only what is wanted is confirmed
  <>[](~IsLive /\ \A b \in Branches : parts[b] # "done")
================================================================================
