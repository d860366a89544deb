// octet context.
#ifndef OCTET_CLIENT_CONTEXT_H_
#define OCTET_CLIENT_CONTEXT_H_

#include "client/command.h"

namespace octet::client {

void AddContext(Commands& commands);

}  // namespace octet::client

#endif  // OCTET_CLIENT_CONTEXT_H_
