// octet token.
#ifndef OCTET_CLIENT_TOKEN_H_
#define OCTET_CLIENT_TOKEN_H_

#include "client/command.h"

namespace octet::client {

void AddToken(Commands& commands);

}  // namespace octet::client

#endif  // OCTET_CLIENT_TOKEN_H_
