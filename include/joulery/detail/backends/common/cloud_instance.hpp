// cloud_instance.hpp - which cloud's machine this is, by what its firmware says, without network.
// SPDX-License-Identifier: MIT
//
// Names as cloud-init's ds-identify and systemd's detect-virt look for them. The region is not
// among what firmware tells, and is never guessed.
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/json_value.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/result.hpp"

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A virtual machine (or a rented one) of a cloud.
struct cloud_instance {
    std::string provider;  ///< "Amazon EC2"; "": not known to be in a cloud
    std::string type;      ///< "m5.xlarge"; "" where neither firmware nor cloud-init says

    /// "Amazon EC2 m5.xlarge"
    [[nodiscard]] std::string text() const {
        return type.empty() ? provider : provider + ' ' + type;
    }
};

/// A file of /sys/class/dmi/id that begins with a text.
struct cloud_sign {
    std::string_view file;
    std::string_view begin;
    std::string_view provider;
    bool has_type;  ///< product_name is the instance's type
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

/// The instance's type as cloud-init wrote it down at boot, for all to read; "" where it did not,
/// or where the file is too long to be one.
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

/// Looks at the firmware's tables, then at Xen's number, which begins with "ec2" on Amazon's older
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

}  // namespace detail
}  // namespace v1
}  // namespace joulery
