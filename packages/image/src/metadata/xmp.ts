import { FARM_VERSION, type PictureRecord } from "@latentfarm/contract";

/** The name space of our one property; not an address. */
const NAMESPACE = "urn:latentfarm:picture:";
const RECORD_TAG = "latentfarm:record";

/** The trade's word for a picture that a model has drawn. Source: IPTC NewsCodes, Digital Source Type. */
export const SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";

/** XML has no way to write these two, JSON has. */
const NO_XML = /[\ufffe\uffff]/g;

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;" } as const;
const RECORD = /<latentfarm:record>([^<]*)<\/latentfarm:record>/;

/**
 * An XMP packet that holds the picture's record as JSON, and says in the words of IPTC that a model has drawn the
 * picture. Source: ISO 16684-1 (XMP), IPTC Photo Metadata Standard 2023.2.
 */
export function writeXmp(record: PictureRecord): string {
  const json = JSON.stringify(record).replace(NO_XML, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`);
  return [
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">',
    '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"',
    ` xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:latentfarm="${NAMESPACE}">`,
    `<xmp:CreatorTool>Latentfarm ${FARM_VERSION}</xmp:CreatorTool>`,
    `<Iptc4xmpExt:DigitalSourceType>${SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>`,
    `<${RECORD_TAG}>${json.replace(/[&<>]/g, (char) => (isEntity(char) ? ENTITIES[char] : char))}</${RECORD_TAG}>`,
    "</rdf:Description></rdf:RDF></x:xmpmeta>",
  ].join("");
}

function isEntity(char: string): char is keyof typeof ENTITIES {
  return Object.hasOwn(ENTITIES, char);
}

/** The JSON of the record in a packet that `writeXmp()` has made, or undefined for any other packet. */
export function recordJsonOf(xmp: string): string | undefined {
  const written = RECORD.exec(xmp)?.[1];
  return written?.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}
