#!/usr/bin/env python3
# served_metrics.py - a real Prometheus scrapes the example server; its figures are the server's.
# SPDX-License-Identifier: MIT
"""usage: served_metrics.py SERVER DASHBOARD WORK_FOLDER"""
import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode(), answer.headers


def wait_for(what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            found = what()
            if found:
                return found
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit(f"served_metrics: waited {seconds} s for {what.__name__}")


def main():
    server_program, dashboard, work = sys.argv[1:]
    folder = pathlib.Path(work) / "scraped"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    server_port, port = free_port(), free_port()
    here = f"http://127.0.0.1:{server_port}"
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\n"
        "scrape_configs: [{job_name: serve, static_configs: "
        f"[{{targets: ['127.0.0.1:{server_port}']}}]}}]\n")
    with open(folder / "server.err", "w") as errors, open(folder / "prometheus.err", "w") as log:
        server = subprocess.Popen([server_program, str(server_port)], stderr=errors)
        scraper = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml",
             f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log, stderr=log)
        try:
            check(here, port, dashboard, folder)
        finally:
            for process in (scraper, server):
                if process.poll() is None:
                    process.terminate()
                    process.wait(20)


def check(here, port, dashboard, folder):
    def server_up():
        return get(here + "/metrics")

    wait_for(server_up)
    spoken = 0.0
    for tokens in [8, 16, 32, 64] * 25:
        _, headers = get(f"{here}/generate?tokens={tokens}")
        spoken += 0 if headers["X-Energy"] is None else 1
    assert spoken == 100, f"{spoken} of 100 answers had their energy in the header"

    def query(expression):
        text, _ = get(f"http://127.0.0.1:{port}/api/v1/query?"
                      + urllib.parse.urlencode({"query": expression}))
        return json.loads(text)["data"]["result"]

    # The last request may still be running at the next scrape: its call is counted by then,
    # its tokens only at the following scrape.
    def all_requests_scraped():
        found = query('joulery_scope_items_total{scope="generate"}')
        return found and float(found[0]["value"][1]) == 25 * (8 + 16 + 32 + 64) and found

    labels = wait_for(all_requests_scraped)[0]["metric"]
    assert labels["run"] == "serve" and labels["process"].isdigit(), labels
    calls = query('joulery_scope_calls_total{scope="generate"}')
    assert float(calls[0]["value"][1]) == 100, calls
    for quantile in ("0.5", "0.99"):
        found = query(f'joulery_scope_call_joules{{scope="generate",quantile="{quantile}"}}')
        assert found and float(found[0]["value"][1]) > 0, f"no quantile {quantile}: {found}"
    # Prometheus has the endpoint's values, and no counter ever fell.
    series = query('count({__name__=~"joulery_.*"})')
    names = {s["metric"]["__name__"] for s in query('{__name__=~"joulery_.*"}')}
    for name in names:
        falls = query(f"sum(resets({name}[5m]))") if name.endswith("_total") else []
        assert not falls or float(falls[0]["value"][1]) == 0, f"{name} fell: {falls}"
    for panel in json.loads(pathlib.Path(dashboard).read_text())["panels"]:
        for target in panel["targets"]:
            expression = target["expr"]
            for name in re.findall(r"joulery_\w+", expression):
                assert name in names, f"{panel['title']}: no metric {name}"
            expression = re.sub(r'=~"\$\w+"', '=~".*"', expression)
            query(expression.replace("$__rate_interval", "1m"))

    def printed():
        return re.search(r"p50 .*J/token, p99 .*J/token", (folder / "server.err").read_text())

    wait_for(printed)
    print(f"passed: Prometheus scraped {series[0]['value'][1]} series of the example server; "
          f"{printed().group(0)}")


main()
