// octet login.
#ifndef OCTET_CLIENT_LOGIN_H_
#define OCTET_CLIENT_LOGIN_H_

#include "client/command.h"

namespace octet::client {

void AddLogin(Commands& commands);

}  // namespace octet::client

#endif  // OCTET_CLIENT_LOGIN_H_
