/** Sectors of a block: coefficients of one polynomial. */
export const BLOCK_SECTORS: number = 4096;
/** Bytes of a sector: the most that always stay below the group order of BLS12-381. */
export const SECTOR_BYTES: number = 31;
/** Bytes of a block; the last block of a fragment is filled up with zeros. */
export const BLOCK_BYTES: number = BLOCK_SECTORS * SECTOR_BYTES;
/** Samples of a challenge: a loss of 1 % goes unseen with probability 0.99^460 < 1 %. */
export const CHALLENGE_SAMPLES: number = 460;
