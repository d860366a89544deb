# What `cmake --install` installs and CPack packs: a component, a Debian package.
#
#   client      octet              the command line
#   scheduler   octet-scheduler    with its unit
#   agent       octet-agent        with its unit, trainer, exporter, and the libraries of
#                                  LibTorch and OpenVINO, which Debian does not have
#   cuda        octet-agent-cuda   the GPU back end, for nodes with NVIDIA's toolkit
#
# Building the target octet_install makes everything that these hold.
if(OCTET_SANITIZE)
  return()  # Nobody installs such builds.
endif()
set(package_of_client octet)
set(package_of_scheduler octet-scheduler)
set(package_of_agent octet-agent)
set(package_of_cuda octet-agent-cuda)
set(deploy ${PROJECT_SOURCE_DIR}/deploy)
set(made ${PROJECT_BINARY_DIR}/packaging)
set(python ${OCTET_DEPS_DIR}/python)
set(CMAKE_INSTALL_SO_NO_EXE ON)  # As in Debian.
file(MAKE_DIRECTORY ${made})

# --- What is made of the programs: their man pages and completions know all of them.
set(changelog ${deploy}/debian/changelog)
set(docs ${made}/changelog.gz)
add_custom_command(OUTPUT ${made}/changelog.gz
  COMMAND gzip -9nc ${changelog} > ${made}/changelog.gz DEPENDS ${changelog} VERBATIM)
foreach(page octet.1 octet-scheduler.8 octet-agent.8)
  get_filename_component(program ${page} NAME_WLE)
  set(generator ${deploy}/debian/man_page.py)
  set(tail ${deploy}/debian/man/${page})
  add_custom_command(OUTPUT ${made}/${page}.gz
    COMMAND ${generator} --changelog ${changelog} --tail ${tail} $<TARGET_FILE:${program}>
      > ${made}/${page}
    COMMAND gzip -9nf ${made}/${page}
    DEPENDS ${program} ${generator} ${tail} ${changelog} VERBATIM)
  list(APPEND docs ${made}/${page}.gz)
endforeach()
foreach(shell bash zsh fish)
  add_custom_command(OUTPUT ${made}/completion.${shell}
    COMMAND octet completion ${shell} > ${made}/completion.${shell} DEPENDS octet VERBATIM)
  list(APPEND docs ${made}/completion.${shell})
endforeach()
add_custom_target(octet_install ALL DEPENDS ${docs})
add_dependencies(octet_install
  octet octet-scheduler octet-agent octet-trainer octet-exporter octet_cuda)

# --- Programs and libraries. What links LibTorch or OpenVINO lies among these, where the
# trainer looks for the GPU back end, too; `octet` and the agent look for trainer and
# exporter beside themselves.
install(TARGETS octet DESTINATION bin COMPONENT client)
install(TARGETS octet-scheduler DESTINATION bin COMPONENT scheduler)
install(TARGETS octet-agent DESTINATION bin COMPONENT agent)
install(TARGETS octet-trainer octet-exporter RUNTIME_DEPENDENCY_SET octet_private
  DESTINATION lib/octet COMPONENT agent)
install(TARGETS octet_cuda DESTINATION lib/octet COMPONENT cuda)
set_target_properties(octet-trainer octet-exporter octet_cuda PROPERTIES INSTALL_RPATH "$ORIGIN")
foreach(program octet-trainer octet-exporter)
  file(CREATE_LINK ../lib/octet/${program} ${made}/${program} SYMBOLIC)
  install(FILES ${made}/${program} DESTINATION bin COMPONENT agent)
  file(CREATE_LINK octet-agent.8.gz ${made}/${program}.8.gz SYMBOLIC)
  install(FILES ${made}/${program}.8.gz DESTINATION share/man/man8 COMPONENT agent)
endforeach()
# Those of the system are dependencies of the package.
install(RUNTIME_DEPENDENCY_SET octet_private POST_EXCLUDE_REGEXES "^/lib" "^/usr/lib"
  LIBRARY DESTINATION lib/octet COMPONENT agent)
# Loaded by name at run time: OpenVINO's reading and running of each format, and oneTBB's
# memory and its view of the processor.
file(GLOB loaded
  ${python}/openvino/libs/libopenvino_intel_cpu_plugin.so
  ${python}/openvino/libs/libopenvino_ir_frontend.so.*
  ${python}/openvino/libs/libopenvino_onnx_frontend.so.*
  ${python}/openvino/libs/libopenvino_tensorflow_lite_frontend.so.*
  ${python}/openvino/libs/libtbbmalloc.so.*
  ${python}/openvino/libs/libtbbbind_2_5.so.*
  ${python}/openvino/libs/libhwloc.so.*)
install(FILES ${loaded} DESTINATION lib/octet COMPONENT agent)
# LibTorch's CUDA part, and what it needs that no toolkit has (deps/libraries.txt).
install(FILES
  ${python}/torch/lib/libc10_cuda.so
  ${python}/torch/lib/libcaffe2_nvrtc.so
  ${python}/torch/lib/libtorch_cuda.so
  ${python}/torch/lib/libtorch_cuda_linalg.so
  ${python}/torch/lib/libtorch_nvshmem.so
  ${python}/nvidia/cu13/lib/libcufile.so.0
  ${python}/nvidia/cusparselt/lib/libcusparseLt.so.0
  ${python}/nvidia/nvshmem/lib/libnvshmem_host.so.3
  DESTINATION lib/octet COMPONENT cuda)
# The wheels' libraries, too, look for each other in their folder and nowhere else.
foreach(component agent cuda)
  install(CODE [[
    file(GLOB files $ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/lib/octet/*)
    foreach(file IN LISTS files)
      unset(rpath)
      unset(runpath)
      file(READ_ELF ${file} RPATH rpath RUNPATH runpath)
      if(rpath OR runpath)
        file(RPATH_SET FILE ${file} NEW_RPATH "\$ORIGIN")
      endif()
    endforeach()
  ]] COMPONENT ${component})
endforeach()

# --- Services. /etc is not below the prefix, which is /usr in packages.
foreach(component scheduler agent)
  set(package ${package_of_${component}})
  install(FILES ${deploy}/systemd/${package}.service
    DESTINATION lib/systemd/system COMPONENT ${component})
  install(FILES ${deploy}/systemd/sysusers.d/${package}.conf
    DESTINATION lib/sysusers.d COMPONENT ${component})
  install(FILES ${deploy}/systemd/${component}.conf
    DESTINATION /etc/octet COMPONENT ${component})
endforeach()
install(FILES ${deploy}/systemd/tmpfiles.d/octet-scheduler.conf
  DESTINATION lib/tmpfiles.d COMPONENT scheduler)

# --- Documentation.
install(FILES ${made}/octet.1.gz DESTINATION share/man/man1 COMPONENT client)
install(FILES ${made}/octet-scheduler.8.gz DESTINATION share/man/man8 COMPONENT scheduler)
install(FILES ${made}/octet-agent.8.gz DESTINATION share/man/man8 COMPONENT agent)
install(FILES ${made}/completion.bash
  DESTINATION share/bash-completion/completions RENAME octet COMPONENT client)
install(FILES ${made}/completion.zsh
  DESTINATION share/zsh/vendor-completions RENAME _octet COMPONENT client)
install(FILES ${made}/completion.fish
  DESTINATION share/fish/vendor_completions.d RENAME octet.fish COMPONENT client)
foreach(component client scheduler agent cuda)
  set(package ${package_of_${component}})
  install(FILES ${made}/changelog.gz ${deploy}/debian/copyright
    DESTINATION share/doc/${package} COMPONENT ${component})
  install(FILES ${deploy}/debian/lintian/${package}
    DESTINATION share/lintian/overrides COMPONENT ${component})
endforeach()
foreach(component scheduler agent)
  install(FILES ${deploy}/debian/README.md
    DESTINATION share/doc/${package_of_${component}} RENAME README.Debian COMPONENT ${component})
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/docs/isolation.md
  DESTINATION share/doc/octet-agent COMPONENT agent)
install(FILES ${deploy}/systemd/examples/accounts.conf
  DESTINATION share/doc/octet-agent/examples COMPONENT agent)
foreach(wheel agent/torch agent/openvino cuda/nvidia_cufile cuda/nvidia_nvshmem_cu13)
  get_filename_component(component ${wheel} DIRECTORY)
  get_filename_component(wheel ${wheel} NAME)
  file(GLOB licenses ${python}/${wheel}-*.dist-info/licenses)
  install(DIRECTORY ${licenses}/
    DESTINATION share/doc/${package_of_${component}}/licenses/${wheel} COMPONENT ${component})
endforeach()

# --- Packages.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_CONTACT "Octet")
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL client scheduler agent cuda)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${python}/torch/lib ${python}/openvino/libs)

# octet_package(component SECTION s SUMMARY s TEXT s [DEPENDS ...] [PURGES folder ...]):
# what CPack cannot know. PURGES makes it a service, and says what its state is.
function(octet_package component)
  cmake_parse_arguments(ARG "" "SECTION;SUMMARY;TEXT" "DEPENDS;PURGES" ${ARGN})
  set(package ${package_of_${component}})
  string(TOUPPER ${component} name)
  list(JOIN ARG_DEPENDS ", " depends)
  set(CPACK_DEBIAN_${name}_PACKAGE_NAME ${package} PARENT_SCOPE)
  set(CPACK_DEBIAN_${name}_PACKAGE_SECTION ${ARG_SECTION} PARENT_SCOPE)
  set(CPACK_DEBIAN_${name}_PACKAGE_DEPENDS "${depends}" PARENT_SCOPE)
  string(CONCAT description "${ARG_SUMMARY}\n"
    "Octet trains vision models on a cluster and exports them to edge devices.\n.\n" "${ARG_TEXT}")
  set(CPACK_COMPONENT_${name}_DESCRIPTION "${description}" PARENT_SCOPE)
  if(ARG_PURGES)
    list(JOIN ARG_PURGES " " state)
    set(control ${made}/${component})
    foreach(script postinst prerm postrm)
      configure_file(${deploy}/debian/maintainer/${script}.in ${control}/${script} @ONLY)
    endforeach()
    file(WRITE ${control}/conffiles "/etc/octet/${component}.conf\n")
    set(CPACK_DEBIAN_${name}_PACKAGE_CONTROL_EXTRA ${control}/postinst ${control}/prerm
      ${control}/postrm ${control}/conffiles PARENT_SCOPE)
  endif()
endfunction()

set(CPACK_DEBIAN_CLIENT_PACKAGE_SUGGESTS "octet-scheduler, octet-agent")
octet_package(client SECTION science
  SUMMARY "command line of a training-cluster service"
  TEXT "This is the command line: it submits jobs, watches them, and fetches what they
made. With octet-scheduler and octet-agent, `octet up` makes a cluster of one
machine.")

set(CPACK_DEBIAN_SCHEDULER_PACKAGE_RECOMMENDS octet)
octet_package(scheduler SECTION admin
  SUMMARY "scheduler of a training-cluster service"
  TEXT "This is the scheduler, one a cluster. It takes jobs, gives them to nodes, and
keeps what they leave."
  DEPENDS "systemd | systemd-standalone-sysusers" "systemd | systemd-standalone-tmpfiles"
  PURGES /var/lib/octet-scheduler /etc/octet/tls)

set(CPACK_DEBIAN_AGENT_PACKAGE_SUGGESTS "octet-agent-cuda, dataset-fashion-mnist")
octet_package(agent SECTION admin
  SUMMARY "node of a training-cluster service"
  TEXT "This is the agent, one a node, with the trainer and the exporter that it
starts, and the parts of LibTorch and OpenVINO that they use. Training on GPUs
needs octet-agent-cuda."
  DEPENDS "systemd | systemd-standalone-sysusers"
  PURGES /var/lib/octet-agent /etc/octet/join-token)

# What it needs of Debian's the agent needs, too; NVIDIA's libraries are not there to ask.
set(CPACK_DEBIAN_CUDA_PACKAGE_SHLIBDEPS OFF)
octet_package(cuda SECTION admin
  SUMMARY "GPU back end for nodes of a training-cluster service"
  TEXT "This lets octet-agent's trainer compute on NVIDIA GPUs. The node also needs,
from NVIDIA, the driver, the libraries of the CUDA 13 toolkit, cuDNN 9 and
NCCL 2; none of them is in this package, nor does it depend on their packages."
  DEPENDS "octet-agent (= ${PROJECT_VERSION})" libc6)
include(CPack)
