#include "cdrill.h"
