import assert from "node:assert/strict";
import { test } from "node:test";
import { privateKeyToAddressHex } from "@cess/crypto/secp256k1";
import type { Hex } from "@cess/std/bytes";
import { hasCode } from "@cess/std/error";
import fc from "fast-check";
import { WireError } from "./error.ts";
import { checkTicket, openTicket, signTicket, TICKET_RIGHTS, type Ticket } from "./ticket.ts";
import { createTicketIssuer } from "./ticket-issuer.ts";

const privateKey = new Uint8Array(32).fill(7);
const audience: Hex = `0x${"ab".repeat(20)}`;
const NOW_MS = 1_700_000_000_000;
const ticket: Ticket = {
  audience,
  rights: TICKET_RIGHTS.read,
  expiryMs: BigInt(NOW_MS + 60_000),
  bytesMax: 1n << 20n,
  nonce: new Uint8Array(16).fill(3),
};
const use = { audience, right: TICKET_RIGHTS.read, nowMs: NOW_MS };

test("a ticket opens to what was signed, and to its signer", () => {
  const header = signTicket(ticket, { chainId: 11330, privateKey });
  assert.deepEqual(openTicket(header, 11330), {
    ...ticket,
    signer: privateKeyToAddressHex(privateKey),
  });
  checkTicket(ticket, use);
});

test("the format of a ticket is pinned", () => {
  const header = signTicket(ticket, { chainId: 11330, privateKey });
  assert.equal(header.length, 164);
  assert(
    header.startsWith("Cess Aaurq6urq6urq6urq6urq6urq6urAQAAAYvP5lJgAAAAAAAQAAADAwMD"),
    header,
  );
});

test("attack: a ticket changed in any bit has another signer, or none", () => {
  const header = signTicket(ticket, { chainId: 11330, privateKey });
  const signer = privateKeyToAddressHex(privateKey);
  const flip = fc.record({ index: fc.nat(118), bit: fc.nat(7) });
  fc.assert(
    fc.property(flip, ({ index, bit }) => {
      const bytes = Buffer.from(header.slice(5), "base64url");
      bytes[index] = (bytes[index] as number) ^ (1 << bit);
      try {
        const forged = openTicket(`Cess ${bytes.toString("base64url")}`, 11330);
        assert.notEqual(forged.signer, signer);
      } catch (cause) {
        assert(hasCode(cause, "TICKET_MALFORMED"), String(cause));
      }
    }),
  );
});

test("attack: a ticket of another chain has another signer", () => {
  const header = signTicket(ticket, { chainId: 11331, privateKey });
  assert.notEqual(openTicket(header, 11330).signer, privateKeyToAddressHex(privateKey));
});

test("attack: expired, overlong, foreign and weaker tickets are refused", () => {
  const refused = (changed: Partial<Ticket>, code: string, right: number = use.right) =>
    assert.throws(
      () => checkTicket({ ...ticket, ...changed }, { ...use, right }),
      (cause) => cause instanceof WireError && cause.detail.code === code,
    );
  refused({ expiryMs: BigInt(NOW_MS - 60_001) }, "TICKET_EXPIRED");
  refused({ expiryMs: BigInt(NOW_MS + 11 * 60_000 + 1) }, "TICKET_LIFETIME");
  refused({ audience: `0x${"cd".repeat(20)}` }, "TICKET_AUDIENCE");
  refused({}, "TICKET_RIGHTS", TICKET_RIGHTS.write);
});

test("hostile headers give a typed error", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (header) => {
      assert.throws(() => openTicket(header, 11330), WireError);
    }),
  );
  assert.throws(
    () => openTicket(undefined, 11330),
    (cause) => hasCode(cause, "TICKET_MISSING"),
  );
});

test("an issuer signs again only when half of a ticket's life is over", () => {
  let nowMs = NOW_MS;
  let signed = 0;
  const issuer = createTicketIssuer({
    chainId: 11330,
    privateKey,
    wallMs: () => nowMs,
    randomBytes(sizeBytes) {
      signed += 1;
      return new Uint8Array(sizeBytes).fill(signed);
    },
  });
  const first = issuer.header(audience, TICKET_RIGHTS.read);
  nowMs += 4 * 60_000;
  assert.equal(issuer.header(audience, TICKET_RIGHTS.read), first);
  assert.notEqual(issuer.header(audience, TICKET_RIGHTS.write), first);
  nowMs += 2 * 60_000;
  const second = issuer.header(audience, TICKET_RIGHTS.read);
  assert.notEqual(second, first);
  checkTicket(openTicket(second, 11330), { ...use, nowMs });
});
