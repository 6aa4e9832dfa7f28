import assert from "node:assert/strict";
import { test } from "node:test";
import { chainSpecByName, DEV, MAINNET } from "./chain-spec.ts";
import { BLOCK_BYTES, CHALLENGE_SAMPLES } from "./podr2.ts";
import { acknowledgeCount, COLUMNS_MAX, columnCount, PROFILES, profileById } from "./profile.ts";

test("eras last six hours on mainnet and challenges come daily", () => {
  assert.equal(MAINNET.eraBlocks * MAINNET.blockMs, 6 * 3600 * 1000);
  assert.equal(MAINNET.challengePeriodBlocks * MAINNET.blockMs, 24 * 3600 * 1000);
  assert.equal(DEV.challengePeriodBlocks * DEV.blockMs, 60 * 1000);
});

test("only dev accepts test attestations", () => {
  assert.deepEqual([MAINNET.acceptsTestAttestation, DEV.acceptsTestAttestation], [false, true]);
  assert.equal(chainSpecByName("dev"), DEV);
  assert.equal(chainSpecByName("other"), undefined);
});

test("profiles acknowledge beyond the threshold of reading and fit the widest column count", () => {
  for (const profile of Object.values(PROFILES)) {
    assert.equal(profileById(profile.id), profile);
    assert(acknowledgeCount(profile) > profile.dataCount);
    assert(columnCount(profile) <= COLUMNS_MAX);
  }
  assert.equal(acknowledgeCount(PROFILES.standard), 8);
});

test("a challenge sees a loss of one percent with probability 99 percent", () => {
  assert(1 - 0.99 ** CHALLENGE_SAMPLES > 0.99);
  assert.equal(BLOCK_BYTES, 126_976);
});
