# Every third-party library, once. docs/adr/0002-dependencies.md says why each.
set(OCTET_DEPS_DIR ${PROJECT_SOURCE_DIR}/.deps CACHE PATH "Where scripts/bootstrap puts LibTorch and OpenVINO")

find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(Protobuf REQUIRED)   # Before ONNX, whose config needs its targets.
find_package(gRPC REQUIRED)
find_package(ONNX REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_program(FLATC flatc REQUIRED)
find_package(GTest REQUIRED)
include(GoogleTest)

find_path(NGHTTP2_INCLUDE_DIR nghttp2/nghttp2.h REQUIRED)
find_library(NGHTTP2_LIBRARY nghttp2 REQUIRED)
add_library(nghttp2 UNKNOWN IMPORTED)
set_target_properties(nghttp2 PROPERTIES IMPORTED_LOCATION ${NGHTTP2_LIBRARY}
  INTERFACE_INCLUDE_DIRECTORIES ${NGHTTP2_INCLUDE_DIR})

find_path(CLI11_INCLUDE_DIR CLI/CLI.hpp REQUIRED)
find_path(NLOHMANN_JSON_INCLUDE_DIR nlohmann/json.hpp REQUIRED)
add_library(octet_headers INTERFACE)
target_include_directories(octet_headers SYSTEM INTERFACE ${CLI11_INCLUDE_DIR} ${NLOHMANN_JSON_INCLUDE_DIR})

find_package(LibTorch REQUIRED)
find_package(OpenVINO REQUIRED CONFIG
  PATHS ${OCTET_DEPS_DIR}/python/openvino/cmake NO_DEFAULT_PATH)
