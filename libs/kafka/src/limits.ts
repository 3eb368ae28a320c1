/** Who sends waits no longer for an answer. */
export const SEND_TIMEOUT_MS = 5_000;

/** A broker waits no longer for the other replicas. */
export const STORE_TIMEOUT_MS = 4_000;

/** Who asks for topics, or creates them, waits no longer. */
export const ADMIN_TIMEOUT_MS = 15_000;

export const CONNECT_TIMEOUT_MS = 2_000;

/** After this without a sign of life a member's partitions go to others. Brokers allow no less by default. */
export const SESSION_TIMEOUT_MS = 6_000;

/** How soon a member learns that others have come or gone. */
export const HEARTBEAT_MS = 500;

/** A rebalance waits no longer for members that do not answer. */
export const REBALANCE_TIMEOUT_MS = 10_000;

/** A broker that has nothing new answers after this. Who leaves may have to wait as long. */
export const FETCH_WAIT_MS = 200;

/** Before a consumer that has failed is made anew. */
export const RESTART_PAUSE_MS = 500;

/** Who leaves waits no longer for an answer. */
export const LEAVE_TIMEOUT_MS = 3_000;

/** New partitions of a topic, and new leaders, are noticed after this. */
export const METADATA_AGE_MS = 10_000;
