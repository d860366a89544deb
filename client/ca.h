// octet ca: the cluster's own certificate authority. Works on files alone.
#ifndef OCTET_CLIENT_CA_H_
#define OCTET_CLIENT_CA_H_

#include "client/command.h"

namespace octet::client {

void AddCa(Commands& commands);

}  // namespace octet::client

#endif  // OCTET_CLIENT_CA_H_
