import { memberOf } from "./bull-model.js";
import type { TenantPlan } from "./plan.js";
import { type Check, frameStatus, isOpen, type Step } from "./view.js";

/**
 * Who holds a place: a frame from its release to its end, and the list of released ones names it until a worker claims
 * it. A tenant never holds more places than it may, and is let in only within its quota.
 */
export function createPlacesCheck(tenants: readonly TenantPlan[]): Check {
  const places = new Map<string, string>();
  const unclaimed = new Set<string>();
  return (step) => {
    followRelease(step, places, unclaimed);
    for (const [member, tenant] of places) {
      if (isOpen(statusOfMember(step, member))) continue;
      places.delete(member);
      if (step.after.tenants[tenant]?.out.includes(member))
        return `frame ${member} has ended and holds a place`;
    }
    for (const { name, runningMax } of tenants) {
      const out = step.after.tenants[name]?.out ?? [];
      const expected = [...places].filter(([, tenant]) => tenant === name).length;
      if (out.length !== expected) return `tenant ${name} holds ${out.length} places, ${expected} were given`;
      if (runningMax > 0 && out.length > runningMax)
        return `tenant ${name} holds ${out.length} places of ${runningMax}`;
    }
    for (const member of unclaimed) {
      const isListed = Object.values(step.after.models).some(({ released }) => released.includes(member));
      if (!isOpen(statusOfMember(step, member))) unclaimed.delete(member);
      else if (!isListed) return `released frame ${member} is on no list and no worker has it`;
    }
    return checkClaimed(step, places) ?? checkAdmission(step, tenants);
  };
}

function followRelease(step: Step, places: Map<string, string>, unclaimed: Set<string>): void {
  const { call, answer } = step;
  if (call.name === "release") {
    for (let at = 1; at + 2 < answer.length; at += 3) {
      const job = answer[at] ?? "";
      const member = memberOf(job, Number(answer[at + 1]));
      places.set(member, step.after.jobs[job]?.record.tenant ?? "");
      unclaimed.add(member);
    }
  }
  const { job, index, token } = call.about;
  if (call.name === "claim" && job !== undefined && index !== undefined && token === step.holder) {
    unclaimed.delete(memberOf(job, index));
  }
}

/** What is not released is not claimed: it would hold no place. */
function checkClaimed({ call, answer }: Step, places: ReadonlyMap<string, string>): string | undefined {
  const { job, index } = call.about;
  if (call.name !== "claim" || answer[0] !== "claimed" || job === undefined || index === undefined)
    return undefined;
  return places.has(memberOf(job, index)) ? undefined : "a frame is claimed that is not released";
}

function statusOfMember(step: Step, member: string) {
  const [, job = "", index] = /^(.+)-(\d+)$/.exec(member) ?? [];
  return frameStatus(step.after.jobs[job]?.record ?? {}, Number(index));
}

function checkAdmission(step: Step, tenants: readonly TenantPlan[]): string | undefined {
  const { call, answer } = step;
  if (call.name !== "create") return undefined;
  const tenant = tenants.find(({ name }) => name === call.args[1]);
  const usage = step.before.tenants[tenant?.name ?? ""]?.usage ?? {};
  const [frames, steps, units] = [call.args[5], call.args[6], call.args[7]].map(Number);
  const cost = Number(usage.cost ?? 0) + (frames ?? 0) * (steps ?? 0) * (units ?? 0);
  const count = Number(usage.frames ?? 0) + (frames ?? 0);
  const isOver =
    tenant !== undefined &&
    ((tenant.costMax > 0 && cost > tenant.costMax) || (tenant.framesMax > 0 && count > tenant.framesMax));
  if (answer[0] === "created" && isOver) return `tenant ${tenant.name} is let in past its limit`;
  if (answer[0] === "quota" && !isOver) return "a job within the limits is refused";
  const [outcome, known = ""] = answer;
  if ((outcome === "known" || outcome === "conflict") && step.after.jobs[known] === undefined) {
    return `a key stands for job ${known}, which is not there`;
  }
  if (answer[0] === "full") return "an empty farm is full";
  return undefined;
}
