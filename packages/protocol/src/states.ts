/** Numbers that calls, views and events carry. Append-only. */
export const MINER_STATE = { active: 0, frozen: 1, exiting: 2, exited: 3 } as const;
export const TERRITORY_STATE = { active: 0, frozen: 1, expired: 2 } as const;
export const TEE_ROLE = { full: 0, verifier: 1, marker: 2 } as const;
export const ATTESTATION_KIND = { test: 0, dcap: 1 } as const;
export const CHALLENGE_PURPOSE = { periodic: 0, restoral: 1 } as const;
export const CHALLENGE_STATE = { open: 0, proven: 1, passed: 2, failed: 3 } as const;
/** Who closed a challenge: the drawn worker, the chain's own check, or the deadline. */
export const JUDGE = { tee: 0, chain: 1, deadline: 2 } as const;
/** Bits of an authorisation. */
export const RIGHTS = { declare: 1, remove: 2 } as const;
/** In place of a segment index: all segments of the column. */
export const SEGMENT_ALL: number = 0xffff;
/** Why a TEE worker left the draw. */
export const RETIRE_REASON = { idle: 0, falseVerdict: 1, exit: 2 } as const;
