import { FARM_VERSION, type PictureRecord } from "@latentfarm/contract";
import { buildGraph, type GraphNode, graphNotes } from "./build-graph.js";
import { nodeType } from "./node-types.js";
import { type JsonValue, writeJson } from "./write-json.js";

/** The form of workflow files that ComfyUI's front end writes and reads. */
const WORKFLOW_VERSION = 0.4;
/** Pixels of the canvas: a node and the room to the next one. */
const NODE_WIDTH = 320;
const NODE_HEIGHT = 180;
const GAP = 60;
/** What only the front end keeps. */
const FRONT_END_ONLY = "control_after_generate";

/** The two texts that a picture from ComfyUI carries. */
export interface ComfyTexts {
  /** What its server ran: nodes by id. */
  readonly prompt: string;
  /** What its front end opens: the same nodes on a canvas. */
  readonly workflow: string;
}

/**
 * A picture's parameters as ComfyUI writes them beside its own pictures, so that a picture of ours that is dropped on
 * its window opens as the graph that draws it. Source: ComfyUI, nodes.py, `SaveImage`; front end, scripts/pnginfo.
 */
export function comfyTexts(record: Pick<PictureRecord, "params" | "model">): ComfyTexts {
  const nodes = buildGraph(record);
  return { prompt: writeJson(apiGraph(nodes)), workflow: writeJson(uiGraph(nodes, graphNotes(record))) };
}

function apiGraph(nodes: readonly GraphNode[]): JsonValue {
  return Object.fromEntries(
    nodes.map(({ id, type, links, values }) => {
      const linked = Object.entries(links).map(([name, [from, slot]]) => [name, [String(from), slot]]);
      const { [FRONT_END_ONLY]: _unused, ...set } = values;
      return [String(id), { inputs: { ...set, ...Object.fromEntries(linked) }, class_type: type }];
    }),
  );
}

type Link = readonly [id: number, from: number, fromSlot: number, to: number, toSlot: number, type: string];

function uiGraph(nodes: readonly GraphNode[], notes: readonly string[]): JsonValue {
  const links = linksOf(nodes);
  const columns = columnsOf(nodes);
  const filled = new Map<number, number>();
  const placed = nodes.map((node, order) => {
    const column = columns.get(node.id) ?? 0;
    const row = filled.get(column) ?? 0;
    filled.set(column, row + 1);
    return uiNode(node, links, { order, pos: [column * (NODE_WIDTH + GAP), row * (NODE_HEIGHT + GAP)] });
  });
  return {
    last_node_id: Math.max(...nodes.map(({ id }) => id)),
    last_link_id: links.length,
    nodes: placed,
    links,
    groups: [],
    config: {},
    extra: { latentfarm: { version: FARM_VERSION, notes } },
    version: WORKFLOW_VERSION,
  };
}

function linksOf(nodes: readonly GraphNode[]): Link[] {
  const ends = nodes.flatMap((node) =>
    Object.entries(nodeType(node.type).inputs).flatMap(([name, type], toSlot) => {
      const from = node.links[name];
      return from === undefined ? [] : [[...from, node.id, toSlot, type] as const];
    }),
  );
  return ends.map((end, index) => [index + 1, ...end]);
}

/** A node stands one column right of the rightmost that it takes from. */
function columnsOf(nodes: readonly GraphNode[]): ReadonlyMap<number, number> {
  const columns = new Map<number, number>();
  for (const { id, links } of nodes) {
    const before = Object.values(links).map(([from]) => columns.get(from) ?? 0);
    columns.set(id, before.length === 0 ? 0 : Math.max(...before) + 1);
  }
  return columns;
}

function uiNode(
  { id, type, values }: GraphNode,
  links: readonly Link[],
  place: { readonly order: number; readonly pos: readonly [x: number, y: number] },
): JsonValue {
  const { inputs, outputs, widgets } = nodeType(type);
  const linkTo = (slot: number) => links.find(([, , , to, toSlot]) => to === id && toSlot === slot)?.[0];
  const linksFrom = (slot: number) =>
    links.filter(([, from, fromSlot]) => from === id && fromSlot === slot).map(([link]) => link);
  return {
    id,
    type,
    pos: place.pos,
    size: [NODE_WIDTH, NODE_HEIGHT],
    flags: {},
    order: place.order,
    mode: 0,
    inputs: Object.entries(inputs).map(([name, of], slot) => ({
      name,
      type: of,
      link: linkTo(slot) ?? null,
    })),
    outputs: outputs.map((name, slot) => ({ name, type: name, links: linksFrom(slot), slot_index: slot })),
    properties: { "Node name for S&R": type },
    widgets_values: widgets.map((name) => values[name] ?? null),
  };
}
