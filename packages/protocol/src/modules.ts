import { createModuleSet, type ModuleSet } from "./module.ts";
import { createAuditModule } from "./modules/audit.ts";
import { files } from "./modules/files.ts";
import { gateways } from "./modules/gateways.ts";
import { miners } from "./modules/miners.ts";
import { params } from "./modules/params.ts";
import { staking } from "./modules/staking.ts";
import { createTEEModule } from "./modules/tee.ts";
import { territory } from "./modules/territory.ts";
import type { ProofVerifier } from "./proof-verifier.ts";

/** All modules of the chain, in the order in which their hooks run. */
export function createModules(deps: { readonly proofVerifier: ProofVerifier }): ModuleSet {
  return createModuleSet([
    params,
    staking,
    miners,
    createTEEModule(deps),
    territory,
    gateways,
    createAuditModule(deps),
    files,
  ]);
}
