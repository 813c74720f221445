@{
    RootModule           = 'Pagewise.HyperV.psm1'
    ModuleVersion        = '0.1.0'
    GUID                 = 'c6f5b1f0-6a0f-4f0a-9a53-0e2d7c1a8b64'
    Author               = 'The Pagewise developers'
    Description          = 'Verifies pagewise.sys on a throw-away Hyper-V machine'
    PowerShellVersion    = '5.1'
    CompatiblePSEditions = @('Desktop', 'Core')
    RequiredModules      = @('Hyper-V', 'Storage')
    FunctionsToExport    = @(
        'New-PagewiseMachine'
        'Invoke-PagewisePlan'
        'Save-PagewiseResult'
        'Remove-PagewiseMachine'
    )
    CmdletsToExport      = @()
    VariablesToExport    = @()
    AliasesToExport      = @()
}
