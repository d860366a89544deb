#include "catalog/accelerators.h"

#include <algorithm>
#include <cstdlib>

#include "catalog/builtin.h"
#include "common/log.h"
#include "common/yaml_message.h"

namespace octet::catalog {

const v1::AcceleratorList& BuiltinAccelerators() {
  static const auto& list = *new v1::AcceleratorList([] {
    v1::AcceleratorList list;
    const BuiltinFile file = BuiltinAcceleratorFile();
    const absl::Status parsed = ParseYamlMessage(file.text, std::string(file.name), &list);
    if (!parsed.ok()) {
      spdlog::critical("the catalog in this program: {}", std::string(parsed.message()));
      std::abort();  // The build is broken, and its tests were not run.
    }
    return list;
  }());
  return list;
}

const v1::Accelerator* FindAccelerator(const std::string& model) {
  for (const v1::Accelerator& each : BuiltinAccelerators().accelerators())
    if (std::count(each.models().begin(), each.models().end(), model) > 0) return &each;
  return nullptr;
}

}  // namespace octet::catalog
