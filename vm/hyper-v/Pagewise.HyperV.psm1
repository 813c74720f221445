# Verifies pagewise.sys on a throw-away Hyper-V machine: new, run, collect, remove.
#
# The guest's side is test-app.exe, as under QEMU: it finds the hand-over disk by its label, plays the
# plan through every restart, leaves what it found in the folder "out" and shuts the machine down. So
# there is nothing to do here but to make two disks, wait, and read one of them.
#
# Cmdlets: learn.microsoft.com/powershell/module/hyper-v and .../storage. Not run yet: it was written
# on a machine without Windows. xtask/tests/hyper_v.rs holds it to a grammar and to rules.

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$script:Label = 'PAGEWISE'
$script:HandOverBytes = 256MB

function Get-MachineFolder {
    param([Parameter(Mandatory)] [string] $Name)
    Join-Path -Path (Get-VMHost).VirtualMachinePath -ChildPath "Pagewise-$Name"
}

function Get-HandOverPath {
    param([Parameter(Mandatory)] [string] $Name)
    Join-Path -Path (Get-MachineFolder -Name $Name) -ChildPath 'hand-over.vhdx'
}

function New-HandOverDisk {
    # A disk with one FAT32 volume, filled by test-app: the package, the plan, and their hashes.
    [CmdletBinding(SupportsShouldProcess)]
    param(
        [Parameter(Mandatory)] [string] $Path,
        [Parameter(Mandatory)] [string] $Package,
        [Parameter(Mandatory)] [string[]] $PlanArgument
    )
    if (-not $PSCmdlet.ShouldProcess($Path, 'make the hand-over disk')) { return }
    $null = New-VHD -Path $Path -SizeBytes $script:HandOverBytes -Fixed
    $disk = Mount-VHD -Path $Path -Passthru | Get-Disk
    try {
        Initialize-Disk -Number $disk.Number -PartitionStyle MBR
        $partition = New-Partition -DiskNumber $disk.Number -UseMaximumSize -AssignDriveLetter
        $null = Format-Volume -Partition $partition -FileSystem FAT32 -NewFileSystemLabel $script:Label
        $testApp = Join-Path -Path $Package -ChildPath 'test-app.exe'
        & $testApp guest hand-over --package $Package --out "$($partition.DriveLetter):\" @PlanArgument
        if ($LASTEXITCODE -ne 0) {
            throw "test-app guest hand-over ended with $LASTEXITCODE"
        }
    } finally {
        Dismount-VHD -Path $Path
    }
}

function New-PagewiseMachine {
    <#
    .SYNOPSIS
    Makes a machine over a base disk, which stays as it is, and the disk that hands the package over.

    .DESCRIPTION
    The base disk holds Windows with test-app's task in it: run "test-app.exe guest setup" once in the
    machine that you make it from, and shut that machine down. The new machine is of generation 2,
    without Secure Boot, which would refuse test-signed drivers, and without a network.

    .PARAMETER Name
    Name of the machine to make.

    .PARAMETER BaseDisk
    VHDX with Windows on it. It is only read.

    .PARAMETER Package
    Folder that "cargo xtask package" or "cargo make" filled.

    .PARAMETER DriverVerifier
    Profile of Driver Verifier to verify under, besides the plain run.

    .PARAMETER MemoryIntegrity
    Whether to verify with memory integrity switched on.

    .PARAMETER MemoryBytes
    Memory of the machine. Little makes Windows page.

    .EXAMPLE
    New-PagewiseMachine -Name page -BaseDisk C:\Base\windows.vhdx -Package .\dist\pagewise
    #>
    [CmdletBinding(SupportsShouldProcess)]
    param(
        [Parameter(Mandatory)] [string] $Name,
        [Parameter(Mandatory)] [string] $BaseDisk,
        [Parameter(Mandatory)] [string] $Package,
        [ValidateSet('quick', 'standard', 'torture')] [string] $DriverVerifier,
        [switch] $MemoryIntegrity,
        [long] $MemoryBytes = (2GB)
    )
    $planArgument = @()
    if ($DriverVerifier) { $planArgument += @('--profile', $DriverVerifier) }
    if ($MemoryIntegrity) { $planArgument += '--memory-integrity' }
    if (-not $PSCmdlet.ShouldProcess($Name, 'make a virtual machine')) { return }

    $base = (Resolve-Path -LiteralPath $BaseDisk).Path
    $folder = Get-MachineFolder -Name $Name
    if (Test-Path -LiteralPath $folder) {
        throw "$folder is there already; Remove-PagewiseMachine -Name $Name removes it"
    }
    $null = New-Item -ItemType Directory -Path $folder
    $system = Join-Path -Path $folder -ChildPath 'system.vhdx'
    $null = New-VHD -Path $system -ParentPath $base -Differencing
    $handOver = Get-HandOverPath -Name $Name
    New-HandOverDisk -Path $handOver -Package (Resolve-Path -LiteralPath $Package).Path `
        -PlanArgument $planArgument

    $machine = New-VM -Name $Name -Generation 2 -MemoryStartupBytes $MemoryBytes -VHDPath $system `
        -Path $folder
    Get-VMNetworkAdapter -VM $machine | Remove-VMNetworkAdapter
    Set-VM -VM $machine -StaticMemory -ProcessorCount 2 -AutomaticCheckpointsEnabled $false
    Set-VMFirmware -VM $machine -EnableSecureBoot Off
    Add-VMHardDiskDrive -VM $machine -Path $handOver
    $machine
}

function Invoke-PagewisePlan {
    <#
    .SYNOPSIS
    Starts the machine and waits until the plan has shut it down.

    .PARAMETER Name
    Name of the machine.

    .PARAMETER TimeoutSeconds
    How long the whole plan may take; after that the machine is turned off, and this throws.

    .EXAMPLE
    Invoke-PagewisePlan -Name page
    #>
    [CmdletBinding(SupportsShouldProcess)]
    param(
        [Parameter(Mandatory)] [string] $Name,
        [int] $TimeoutSeconds = 7200
    )
    if (-not $PSCmdlet.ShouldProcess($Name, 'start, and wait until it is off')) { return }
    Start-VM -Name $Name
    $deadline = (Get-Date).AddSeconds($TimeoutSeconds)
    while ((Get-VM -Name $Name).State -ne 'Off') {
        if ((Get-Date) -gt $deadline) {
            Stop-VM -Name $Name -TurnOff -Force
            throw "$Name was not through within $TimeoutSeconds s; Save-PagewiseResult brings what it left"
        }
        Start-Sleep -Seconds 2
        $left = ($deadline - (Get-Date)).TotalSeconds
        Write-Progress -Activity "Plan on $Name" -Status 'running' -SecondsRemaining ([int] $left)
    }
    Write-Progress -Activity "Plan on $Name" -Completed
}

function Save-PagewiseResult {
    <#
    .SYNOPSIS
    Copies what the plan left (results, dumps, logs), and says how it ended.

    .PARAMETER Name
    Name of the machine, which has to be off.

    .PARAMETER Destination
    Folder to make and fill.

    .OUTPUTS
    What "test-app guest status --json" tells.

    .EXAMPLE
    Save-PagewiseResult -Name page -Destination .\results
    #>
    [CmdletBinding(SupportsShouldProcess)]
    param(
        [Parameter(Mandatory)] [string] $Name,
        [Parameter(Mandatory)] [string] $Destination
    )
    if (-not $PSCmdlet.ShouldProcess($Destination, "copy what $Name left")) { return }
    $null = New-Item -ItemType Directory -Path $Destination -Force
    $path = Get-HandOverPath -Name $Name
    $disk = Mount-VHD -Path $path -ReadOnly -Passthru | Get-Disk
    try {
        $volume = $disk | Get-Partition | Get-Volume | Where-Object -Property FileSystemLabel -EQ $script:Label
        $root = "$($volume.DriveLetter):\"
        Copy-Item -Path (Join-Path -Path $root -ChildPath 'out\*') -Destination $Destination -Recurse
        $testApp = Join-Path -Path $root -ChildPath 'package\test-app.exe'
        & $testApp guest status --handover $root --json | ConvertFrom-Json
    } finally {
        Dismount-VHD -Path $path
    }
}

function Remove-PagewiseMachine {
    <#
    .SYNOPSIS
    Turns the machine off and removes it and its two disks. The base disk stays.

    .PARAMETER Name
    Name of the machine.

    .EXAMPLE
    Remove-PagewiseMachine -Name page
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')]
    param([Parameter(Mandatory)] [string] $Name)
    if (-not $PSCmdlet.ShouldProcess($Name, 'remove the machine and its disks')) { return }
    $machine = Get-VM -Name $Name -ErrorAction SilentlyContinue
    if ($machine) {
        if ($machine.State -ne 'Off') { Stop-VM -VM $machine -TurnOff -Force }
        Remove-VM -VM $machine -Force
    }
    $folder = Get-MachineFolder -Name $Name
    if (Test-Path -LiteralPath $folder) { Remove-Item -LiteralPath $folder -Recurse -Force }
}

Export-ModuleMember -Function New-PagewiseMachine, Invoke-PagewisePlan, Save-PagewiseResult,
    Remove-PagewiseMachine
