// The files of catalog/, put into the program by catalog/CMakeLists.txt.
#ifndef OCTET_CATALOG_BUILTIN_H_
#define OCTET_CATALOG_BUILTIN_H_

#include <string_view>
#include <vector>

namespace octet::catalog {

struct BuiltinFile {
  std::string_view name;  // "catalog/targets/gpu.yaml": for messages
  std::string_view text;
};
const std::vector<BuiltinFile>& BuiltinTargetFiles();
BuiltinFile BuiltinAcceleratorFile();

}  // namespace octet::catalog

#endif  // OCTET_CATALOG_BUILTIN_H_
