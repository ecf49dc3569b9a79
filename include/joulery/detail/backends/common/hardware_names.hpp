// hardware_names.hpp - product names of hardware and of cloud instances.
// SPDX-License-Identifier: MIT
//
// Detected like cloud-init's ds-identify and systemd's detect-virt do. Firmware does not reveal the
// region, and it is never guessed.
#pragma once

#include "joulery/detail/backends/cpu/cpu_identity.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/json.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/result.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A virtual machine (or a rented one) in a cloud.
struct cloud_instance {
    std::string provider;  ///< "Amazon EC2"; "": not known to be in a cloud
    std::string type;      ///< "m5.xlarge"; "" if neither firmware nor cloud-init states it

    /// "Amazon EC2 m5.xlarge"
    [[nodiscard]] std::string text() const {
        return type.empty() ? provider : provider + ' ' + type;
    }
};

/// A file in /sys/class/dmi/id that begins with a certain text.
struct cloud_sign {
    std::string_view file;
    std::string_view begin;
    std::string_view provider;
    bool has_type;  ///< product_name is the instance type
};

inline constexpr cloud_sign cloud_signs[] = {
    {"sys_vendor", "Amazon EC2", "Amazon EC2", true},
    {"bios_vendor", "Amazon EC2", "Amazon EC2", true},
    {"product_name", "Google Compute Engine", "Google Compute Engine", false},
    {"chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77", "Microsoft Azure", false},
    {"chassis_asset_tag", "OracleCloud.com", "Oracle Cloud", false},
    {"product_name", "Alibaba Cloud ECS", "Alibaba Cloud ECS", false},
    {"sys_vendor", "DigitalOcean", "DigitalOcean", false},
    {"sys_vendor", "Hetzner", "Hetzner Cloud", false},
    {"sys_vendor", "Scaleway", "Scaleway", true},
    {"sys_vendor", "Vultr", "Vultr", false},
    {"sys_vendor", "Linode", "Akamai (Linode)", false},
    {"sys_vendor", "Akamai", "Akamai (Linode)", false},
    {"sys_vendor", "Tencent Cloud", "Tencent Cloud", false},
    {"sys_vendor", "Huawei Cloud", "Huawei Cloud", false},
    {"sys_vendor", "UpCloud", "UpCloud", false},
    {"sys_vendor", "Exoscale", "Exoscale", false},
    {"product_name", "OpenStack", "OpenStack", false},
};

/// The instance type that cloud-init stored at boot, readable by all; "" if there is none, or the
/// file is too long to be one.
[[nodiscard]] inline std::string type_by_cloud_init(const system_root& root) {
    constexpr std::size_t longest = 1 << 20;
    const std::string text = root.text("/run/cloud-init/instance-data.json", longest);
    if (text.empty() || text.size() == longest) return {};
    const result<json_value> all = parse_json(text);
    if (!all) return {};
    using path = std::initializer_list<std::string_view>;
    for (const path& names :
         {path{"ds", "meta_data", "instance-type"}, path{"ds", "meta_data", "instance_type"},
          path{"ds", "meta_data", "imds", "compute", "vmSize"}}) {
        const json_value* at = &*all;
        for (const std::string_view name : names) at = at != nullptr ? at->find(name) : nullptr;
        if (at == nullptr || at->kind != json_value::type::string) continue;
        const std::string& type = at->text;
        constexpr std::string_view signs =
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
            "0123456789._-";
        if (type.size() < 64 && type.find_first_not_of(signs) == std::string::npos) return type;
    }
    return {};
}

/// Checks the firmware's tables, then Xen's UUID, which begins with "ec2" on Amazon's older
/// machines.
[[nodiscard]] inline cloud_instance find_cloud_instance(const system_root& root) {
    const std::string folder = "/sys/class/dmi/id/";
    for (const cloud_sign& sign : cloud_signs) {
        if (root.line(concat({folder, sign.file})).rfind(sign.begin, 0) != 0) continue;
        cloud_instance found;
        found.provider = sign.provider;
        if (sign.has_type) found.type = root.line(concat({folder, "product_name"}));
        if (found.type.empty()) found.type = type_by_cloud_init(root);
        return found;
    }
    const bool old_amazon =
        root.line("/sys/hypervisor/uuid").rfind("ec2", 0) == 0 ||
        root.line(concat({folder, "bios_version"})).find("amazon") != std::string::npos;
    return {old_amazon ? "Amazon EC2" : "", {}};
}

/// A processor's name without filler words: "AMD EPYC 9554 64-Core Processor" and "Intel(R) Xeon(R)
/// CPU E5-2670 0 @ 2.60GHz" become "AMD EPYC 9554" and "Intel Xeon E5-2670 0".
[[nodiscard]] inline std::string plain_cpu_name(std::string name) {
    for (const std::string_view filler : {"(R)", "(r)", "(TM)", "(tm)", " CPU"})
        for (std::size_t at; (at = name.find(filler)) != std::string::npos;)
            name.erase(at, filler.size());
    name.erase(std::min(name.find(" @ "), name.size()));
    const std::size_t cores = name.find("-Core Processor");
    if (cores != std::string::npos) name.erase(name.rfind(' ', cores));
    return std::string(trimmed(name));
}

/// The name of a cloud's own processor, which identifies itself only by its core design.
struct cloud_processor {
    std::string_view provider, core, name;
};
inline constexpr cloud_processor cloud_processors[] = {
    {"Amazon EC2", "Arm Neoverse N1", "AWS Graviton2"},
    {"Amazon EC2", "Arm Neoverse V1", "AWS Graviton3"},
    {"Amazon EC2", "Arm Neoverse V2", "AWS Graviton4"},
    {"Google Compute Engine", "Arm Neoverse N1", "Ampere Altra"},
    {"Google Compute Engine", "Arm Neoverse V2", "Google Axion"},
    {"Microsoft Azure", "Arm Neoverse N1", "Ampere Altra"},
    {"Microsoft Azure", "Arm Neoverse N2", "Azure Cobalt 100"},
    {"Oracle Cloud", "Arm Neoverse N1", "Ampere Altra"},
};

/// "AMD EPYC 9554", "AWS Graviton3"; "" if neither the kernel nor the cloud names it.
[[nodiscard]] inline std::string cpu_model(const system_root& root) {
    const std::string name = plain_cpu_name(read_cpu_identity(root).model_name);
    if (name.rfind("Arm ", 0) != 0) return name;
    const std::string provider = find_cloud_instance(root).provider;
    for (const cloud_processor& p : cloud_processors)
        if (p.provider == provider && p.core == name) return std::string(p.name);
    return name;
}

/// "Raspberry Pi 5 Model B Rev 1.0", "NVIDIA Jetson AGX Thor Developer Kit"; "" on other boards.
[[nodiscard]] inline std::string board_model(const system_root& root) {
    const std::string text = root.text("/proc/device-tree/model", 256);
    return std::string(trimmed(text.substr(0, text.find('\0'))));
}

/// A computer's name from its firmware: "Dell Inc. PowerEdge R750", or its board's name.
[[nodiscard]] inline std::string machine_model(const system_root& root) {
    const std::string maker = root.line("/sys/class/dmi/id/sys_vendor");
    const std::string product = root.line("/sys/class/dmi/id/product_name");
    const auto is_filler = [](std::string_view text) {
        return text.empty() || text.find("O.E.M.") != std::string_view::npos ||
               text.find("System ") == 0 || text == "Default string";
    };
    if (is_filler(product)) return board_model(root);
    return is_filler(maker) || product.rfind(maker, 0) == 0 ? product : maker + ' ' + product;
}

/// The rest of the line that begins with `key` in a table such as pci.ids, searched from `from` on.
[[nodiscard]] inline std::string_view line_after(std::string_view table, std::string_view key,
                                                 std::size_t& from) noexcept {
    while (from < table.size()) {
        const std::size_t end = table.find('\n', from);
        const std::string_view line = table.substr(from, end - from);
        from = end == std::string_view::npos ? table.size() : end + 1;
        if (line.substr(0, key.size()) == key) return trimmed(line.substr(key.size()));
        // The entries of a vendor are indented and end at the next vendor's line.
        if (key.front() == '\t' && !line.empty() && line[0] != '\t' && line[0] != '#') return {};
    }
    return {};
}

/// A PCI device's name from the system's list, "Intel Battlemage G21 [Arc B580]", or else its
/// numbers, "Intel 8086:e20b". `folder`: its folder in sysfs. "" if there are none.
[[nodiscard]] inline std::string pci_model(const system_root& root, const std::string& folder) {
    const auto number = [&](const char* file) {
        const std::string text = root.line(folder + file);  // "0x8086"
        return text.size() == 6 ? text.substr(2) : std::string();
    };
    const std::string vendor = number("/vendor");
    const std::string device = number("/device");
    if (vendor.empty() || device.empty()) return {};
    const std::string maker = vendor == "8086"   ? "Intel "
                              : vendor == "1002" ? "AMD "
                              : vendor == "10de" ? "NVIDIA "
                              : vendor == "1e52" ? "Tenstorrent "
                              : vendor == "1da3" ? "Habana "
                                                 : "";
    for (const char* list : {"/usr/share/hwdata/pci.ids", "/usr/share/misc/pci.ids"}) {
        const std::string table = root.text(list, 4 << 20);
        std::size_t at = 0;
        if (line_after(table, concat({vendor, "  "}), at).empty()) continue;
        const std::string_view name = line_after(table, concat({"\t", device, "  "}), at);
        if (!name.empty()) return concat({maker, name});
    }
    return concat({maker, vendor, ":", device});
}

/// An AMD GPU's name from its board, or from libdrm's list: "AMD Radeon RX 7900 XTX".
[[nodiscard]] inline std::string amd_gpu_model(const system_root& root, const std::string& folder) {
    const std::string product = root.line(concat({folder, "/product_name"}));
    if (!product.empty()) return product;
    const auto number = [&](const char* file) {  // "0x744c" -> "744C"
        std::string text = root.line(folder + file);
        text.erase(0, 2);
        for (char& c : text)
            if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
        return text;
    };
    const std::string device = number("/device");
    const std::string table = root.text("/usr/share/libdrm/amdgpu.ids", 1 << 18);
    std::size_t at = 0;
    while (!device.empty() && at < table.size()) {  // "744C,\tC8,\tAMD Radeon RX 7900 XTX"
        std::string_view rest = line_after(table, concat({device, ","}), at);
        const std::size_t comma = rest.find(',');
        if (comma != std::string_view::npos && rest.substr(0, comma) == number("/revision"))
            return std::string(trimmed(rest.substr(comma + 1)));
    }
    return pci_model(root, folder);
}

/// The model of this machine's cards if all are the same; "" if they differ or are unknown. Reads
/// only drivers' files, which wakes no card.
[[nodiscard]] inline std::string only_gpu_model(const system_root& root) {
    std::vector<std::string> models;
    const std::string nvidia = "/proc/driver/nvidia/gpus/", cards = "/sys/class/drm/";
    for (const std::string& pci : root.list(nvidia)) {
        const std::string about = root.text(concat({nvidia, pci, "/information"}), 4096);
        std::size_t at = 0;
        models.emplace_back(line_after(about, "Model:", at));
    }
    for (const std::string& card : root.list(cards)) {
        const std::string folder = concat({cards, card, "/device"});
        if (card.find('-') == std::string::npos &&
            root.line(concat({folder, "/vendor"})) == "0x1002")
            models.push_back(amd_gpu_model(root, folder));
    }
    for (const std::string& model : models)
        if (model != models.front()) return {};
    return models.empty() ? std::string() : models.front();
}

/// One note about cards that sleep, published once a card was seen asleep.
class sleep_note {
 public:
    /// Call it before the first read, for a card that may sleep.
    void add(const std::string& id, bool sleeps_now) {
        ids_ += (ids_.empty() ? "" : ", ") + id;
        if (sleeps_now) see();
    }
    void see() noexcept { seen_.store(true, std::memory_order_relaxed); }
    /// Publishes it after the rest of the note; any thread.
    void finish(const std::string& note) {
        plain_ = note;
        whole_ = concat({note, (note.empty() ? "" : "; "), ids_,
                         ": asleep, at least for a while; not woken, and 0 W meanwhile"});
    }
    [[nodiscard]] std::string_view text() const noexcept {
        return seen_.load(std::memory_order_relaxed) ? whole_ : plain_;
    }

 private:
    std::string ids_, plain_, whole_;
    std::atomic<bool> seen_{false};
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
