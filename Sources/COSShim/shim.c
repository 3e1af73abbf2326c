#include "cosshim.h"
