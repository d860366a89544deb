// octet admin.
#ifndef OCTET_CLIENT_ADMIN_H_
#define OCTET_CLIENT_ADMIN_H_

#include "client/command.h"

namespace octet::client {

void AddAdmin(Commands& commands);

}  // namespace octet::client

#endif  // OCTET_CLIENT_ADMIN_H_
