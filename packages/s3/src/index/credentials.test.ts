import assert from "node:assert/strict";
import { test } from "node:test";
import { ListBucketsCommand } from "@aws-sdk/client-s3";
import { createClient, startTestGateway, TEST_ACCOUNT } from "../testing/test-gateway.ts";

test("credentials outlive a restart, are found by account, and end at once when deleted", async () => {
  await using setup = await startTestGateway();
  const { credential } = setup;
  assert.match(credential.accessKeyId, /^CESS[A-Z2-7]{16}$/);
  assert.equal(credential.secretAccessKey.length, 40);
  await setup.restart();
  const { credentials } = setup.gateway;
  assert.deepEqual(credentials.credentialsOf(TEST_ACCOUNT), [credential]);
  assert.deepEqual(credentials.credentialsOf(`0x${"00".repeat(20)}`), []);
  const client = createClient(setup.endpoint, credential);
  await client.send(new ListBucketsCommand({}));
  await credentials.deleteCredential(credential.accessKeyId);
  const refused = client.send(new ListBucketsCommand({}));
  await assert.rejects(refused, { name: "InvalidAccessKeyId" });
  client.destroy();
});
