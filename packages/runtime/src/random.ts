/** The only source of unpredictable bytes. */
export interface Random {
  bytes(sizeBytes: number): Uint8Array;
  /** Uniform integer in [0, bound). */
  below(bound: number): number;
}
