// codecarbon_csv.hpp - emissions.csv in the columns of CodeCarbon 3.3.0.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/report.hpp"

#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// The version of CodeCarbon whose columns and units are written.
inline constexpr std::string_view codecarbon_version = "3.3.0";

/// A complete emissions.csv: the header and one row, always with all 38 columns.
///
/// Units:  as in CodeCarbon: s, kg, kg/s, mean W (of the machine), kWh (with PUE), liters. cpu, gpu
///         and ram are the summed channels of that part; energy_consumed is everything.
/// Differences: the timestamp is UTC, CodeCarbon's is local time without a zone. Water is the
/// site's liters per IT energy; CodeCarbon 3.3.0 uses energy that includes the PUE. Fields that
/// joulery does not know (Python, coordinates, utilization) stay empty. No column says what was
/// measured, estimated or assumed; see `statement_of`.
///
/// Thread: any. Cost: linear in the rows. Fails: never.
///
///     replace_file("emissions.csv", to_codecarbon_csv(joulery::snapshot()));
[[nodiscard]] JOULERY_DECL std::string to_codecarbon_csv(const report& r);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/carbon/tables/country_table.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/writers/csv.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <unordered_set>

namespace joulery {
inline namespace v1 {

namespace detail {

inline constexpr std::string_view codecarbon_header =
    "timestamp,project_name,run_id,experiment_id,duration,emissions,emissions_rate,cpu_power,"
    "gpu_power,ram_power,cpu_energy,gpu_energy,ram_energy,energy_consumed,water_consumed,"
    "country_name,country_iso_code,region,cloud_provider,cloud_region,os,python_version,"
    "codecarbon_version,cpu_count,cpu_model,gpu_count,gpu_model,longitude,latitude,ram_total_size,"
    "tracking_mode,cpu_utilization_percent,gpu_utilization_percent,ram_utilization_percent,"
    "ram_used_gb,on_cloud,pue,wue";

/// The location of a run, in CodeCarbon's terms.
struct codecarbon_place {
    std::string country, iso3, region, provider, cloud_region;

    explicit codecarbon_place(const grid_factor& g) : iso3(g.country) {
        for (const country_row& row : country_table)
            if (iso3 == row.iso3) country = row.name;
        const std::size_t colon = g.place.find(':'), space = g.place.find(' ');
        if (colon != std::string::npos && colon < space) {
            provider = g.place.substr(0, colon);
            cloud_region = g.place.substr(colon + 1, space - colon - 1);
        } else if (g.place.find(country) != 0 || country.empty()) {
            region = g.place;
        }
    }
};

/// The number of cards and their names in CodeCarbon's style: "3 x NVIDIA H100".
struct codecarbon_gpus {
    std::size_t count = 0;
    std::map<std::string, std::size_t> models;

    void add(const std::string& model) {
        ++count;
        if (!model.empty()) ++models[model];
    }
    [[nodiscard]] std::string text() const {
        std::string out;
        for (const auto& [model, number] : models) {
            out.append(out.empty() ? "" : ", ").append(std::to_string(number)).append(" x ");
            out.append(model);
        }
        return out;
    }
};

}  // namespace detail

JOULERY_DECL std::string to_codecarbon_csv(const report& report_or_none) {
    const shown_report shown(report_or_none);
    const report& r = *shown;
    const run_context& c = r.context;
    const carbon_model& m = c.carbon;
    energy cpu, gpu, ram;
    detail::codecarbon_gpus gpus;
    std::unordered_set<std::string_view> gpu_ids;
    for (const channel_row& row : r.channels)
        if (row.part == component::gpu) gpu_ids.insert(row.id);
    for (const channel_row& row : r.channels) {
        if (row.part == component::gpu && gpu_ids.count(row.parent) == 0) gpus.add(row.model);
        if (!row.summed) continue;
        if (row.part == component::cpu) cpu += row.total;
        if (row.part == component::gpu) gpu += row.total;
        if (row.part == component::dram) ram += row.total;
    }
    if (!shown.is_known()) cpu = gpu = ram = r.total;
    const double s = c.duration.count();
    const detail::codecarbon_place place(m.grid);
    const auto end = wall_time::from_unix_seconds(c.started.unix_seconds() + s);
    detail::csv_writer row;
    const auto skip = [&](int columns) {
        for (int i = 0; i < columns; ++i) row.add("");
    };
    row.add(end.to_iso8601().substr(0, 19));
    row.add(c.run_name);
    row.add(c.run_id);
    skip(1);
    row.add(s);
    row.add(r.co2e.kilograms());
    row.add(s > 0 ? r.co2e.kilograms() / s : 0);
    for (const energy e : {cpu, gpu, ram}) row.add(s > 0 ? e.joules() / s : 0);
    for (const energy e : {cpu, gpu, ram, r.total}) row.add(m.facility(e).kilowatt_hours());
    row.add(m.water.site_source.empty() && shown.is_known() ? 0 : m.water.site_liters(r.total));
    for (const auto* text :
         {&place.country, &place.iso3, &place.region, &place.provider, &place.cloud_region, &c.os})
        row.add(*text);
    skip(1);
    row.add(codecarbon_version);
    row.add(static_cast<double>(c.logical_cpus));
    row.add(c.cpu);
    row.add(static_cast<double>(gpus.count));
    row.add(gpus.text());
    skip(3);
    row.add(c.attribution == "process" ? "process" : "machine");
    skip(4);
    row.add(place.provider.empty() ? "N" : "Y");
    row.add(m.pue);
    row.add(m.water.site_source.empty() ? 0 : m.water.site);
    return concat({detail::codecarbon_header, "\n", row.text(), "\n"});
}

}  // namespace v1
}  // namespace joulery

#endif
