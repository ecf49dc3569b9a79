// tests/external/otlp_metrics.js - reads OTLP/JSON with OpenTelemetry's own message definitions.
//
//     node otlp_metrics.js full.otlp.json other.otlp.json...
"use strict";
const assert = require("assert");
const fs = require("fs");
const path = require("path");

const package_folder = path.dirname(require.resolve("@opentelemetry/otlp-transformer/package.json"));
const root = require(path.join(package_folder, "build/src/generated/root.js"));
const request_type =
  root.opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest;

// Unknown fields would be dropped silently, so none may be missing afterwards.
function assert_kept(written, read, where) {
  if (Array.isArray(written)) {
    assert(Array.isArray(read) && read.length === written.length, where + ": entries lost");
    written.forEach((value, i) => assert_kept(value, read[i], `${where}[${i}]`));
  } else if (written !== null && typeof written === "object") {
    for (const key of Object.keys(written)) {
      assert(read && key in read, `${where}.${key} is no field of the protocol`);
      assert_kept(written[key], read[key], `${where}.${key}`);
    }
  } else {
    assert.strictEqual(String(read), String(written), where);
  }
}

// The metrics of a file after a round trip through the binary form, which loses nothing.
function metrics_of(file) {
  const written = JSON.parse(fs.readFileSync(file, "utf8"));
  assert.strictEqual(request_type.verify(request_type.fromObject(written)), null);
  const bytes = request_type.encode(request_type.fromObject(written)).finish();
  const read = request_type.toObject(request_type.decode(bytes), { longs: String, enums: Number });
  assert_kept(written, read, path.basename(file));
  return read.resourceMetrics[0].scopeMetrics[0].metrics;
}

const energy_of = (metrics) => metrics.find((m) => m.name === "joulery.scope.energy").sum.dataPoints;
const [full, ...others] = process.argv.slice(2);
const metrics = metrics_of(full);
assert.strictEqual(energy_of(metrics).length, 5);
assert.strictEqual(energy_of(metrics)[1].asDouble, 320);
console.log(`passed: ${metrics.length} metrics survive OpenTelemetry's binary form`);
for (const other of others) assert.strictEqual(energy_of(metrics_of(other)).length, 8, other);
if (others.length > 0) console.log(`passed: ${others.length} hostile reports, otlp`);
