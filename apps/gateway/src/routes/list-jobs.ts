import { jobListQuerySchema, jobToSummary, parseQuery } from "@latentfarm/contract";
import type { GatewayContext } from "../context.js";
import type { Route } from "../http/route.js";

type JobListQuery = ReturnType<typeof parseQuery<typeof jobListQuerySchema>>;

/** `GET /v1/jobs`: a page of the caller's jobs, newest first. */
export function listJobsRoute(context: GatewayContext): Route<JobListQuery> {
  return {
    method: "get",
    path: "/v1/jobs",
    scope: "read",
    query: (parameters) => parseQuery(jobListQuerySchema, parameters),
    async handle({ response, caller, query }) {
      const page = await context.queue.listJobs({ tenant: caller.tenant.name, ...query });
      const jobs = page.jobs.map((job) => jobToSummary(job));
      response.json({ jobs, next_cursor: page.next_cursor });
    },
  };
}
