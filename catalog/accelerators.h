// What accelerators can compute at most, from catalog/accelerators.yaml.
#ifndef OCTET_CATALOG_ACCELERATORS_H_
#define OCTET_CATALOG_ACCELERATORS_H_

#include <string>

#include "octet/v1/targets.pb.h"

namespace octet::catalog {

/// As they were when this program was built. Lives forever.
const v1::AcceleratorList& BuiltinAccelerators();

/// model: as the driver names it, such as "NVIDIA H100 80GB HBM3". Null: the
/// catalog has none of that name. Lives forever.
const v1::Accelerator* FindAccelerator(const std::string& model);

}  // namespace octet::catalog

#endif  // OCTET_CATALOG_ACCELERATORS_H_
